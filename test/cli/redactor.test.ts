import { describe, expect, it } from 'vitest'
import { Redactor } from '../../runtime/cli/redactor.js'

function hiding(...values: string[]): Redactor {
  const redactor = new Redactor()
  for (const value of values) redactor.hide(value)
  return redactor
}

describe('what is said of secrets', () => {
  it('is *** in place of their values, as they are, in JSON and in URLs', () => {
    const redactor = hiding('pa"ss word')
    expect(redactor.text('pa"ss word, pa\\"ss word, pa%22ss%20word')).toBe('***, ***, ***')
  })

  it('a short one is hidden where a message quotes it, and a word that has its letters stays', () => {
    expect(hiding('abc').text('parameter threshold does not parse: "abc" (abcdef)')).toBe(
      'parameter threshold does not parse: *** (abcdef)',
    )
  })

  it('an empty one hides nothing', () => {
    expect(hiding('').text('"" is empty')).toBe('"" is empty')
  })
})
