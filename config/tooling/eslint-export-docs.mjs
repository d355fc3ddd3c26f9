/** An ESLint rule: what a file of the engine exports has a doc comment. Of a function's overloads the first one carries it. */
export const exportDocs = {
  meta: {
    type: 'suggestion',
    schema: [],
    messages: { missing: 'Say what `{{name}}` is in a doc comment (/** ... */).' },
  },
  create(context) {
    let previousName
    return {
      ExportNamedDeclaration(node) {
        if (!node.declaration) return
        const name = (node.declaration.id ?? node.declaration.declarations?.[0].id)?.name ?? 'this export'
        const isOverload = name === previousName
        previousName = name
        const comment = context.sourceCode.getCommentsBefore(node).at(-1)
        const isDocumented = comment?.type === 'Block' && comment.value.startsWith('*')
        if (!isDocumented && !isOverload) context.report({ node, messageId: 'missing', data: { name } })
      },
    }
  },
}
