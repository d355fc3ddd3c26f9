import { environmentName, fileName, OPTIONS, type OptionSpec } from '../../config/options.js'

/** The rows of docs/guides/cli.md's table, made of the options themselves. */
export function optionTable(): string[] {
  const rows = (Object.values(OPTIONS) as OptionSpec<unknown>[]).map((spec) => {
    const flag = spec.argument === undefined ? `--${spec.key}` : `--${spec.key} ${spec.argument}`
    const fallback = spec.defaultNote ?? (spec.argument === undefined ? '' : (spec.default ?? ''))
    const file = spec.notInFile ? '' : `\`${fileName(spec)}\``
    return [
      `\`${flag.replaceAll('|', '\\|')}\``,
      `\`${environmentName(spec)}\``,
      file,
      fallback.replaceAll('<', '&lt;'),
      spec.description,
    ]
  })
  const head = ['option', 'environment', 'file', 'default', '']
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`.replaceAll('  |', ' |'))
}
