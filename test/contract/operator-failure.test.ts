import { describe, expect, it } from 'vitest'
import { userFrame } from '../../runtime/contract/user-frame.js'
import { MillraceError } from '../../runtime/contract/errors.js'
import { operatorFailure } from '../../runtime/contract/operator-failure.js'

const own = new URL('../../', import.meta.url).pathname

describe('userFrame', () => {
  const stack = (...places: string[]): string => ['Error: x', ...places.map((p) => `    at f (${p})`)].join('\n')

  it("skips Millrace's own files, Node's and packages", () => {
    const foreign = ['node:internal/process:1:1', '/app/node_modules/lib/a.js:1:1', `${own}runtime/task/slot.ts:1:1`]
    expect(userFrame(stack(...foreign, '/app/jobs/a.ts:3:5'))).toBe('/app/jobs/a.ts:3:5')
  })

  it("takes a user's folder of the same name for the user's", () => {
    expect(userFrame(stack('file:///app/runtime/operators/a.ts:3:5'))).toBe('/app/runtime/operators/a.ts:3:5')
  })

  it('finds nothing in a stack without user code', () => {
    expect(userFrame(stack('node:fs:1:1'))).toBeUndefined()
  })
})

describe('operatorFailure', () => {
  it('names the innermost operator only', () => {
    const inner = operatorFailure(new Error('boom'), 'inner')
    expect(operatorFailure(inner, 'outer')).toBe(inner)
    expect(inner.message).toBe('operator "inner": Error: boom')
  })

  it('keeps code and hint of its own errors', () => {
    const failure = operatorFailure(new MillraceError('MILLRACE_KEY', 'NaN is no key', { hint: 'use another' }), 'm')
    expect([failure.code, failure.hint]).toEqual(['MILLRACE_KEY', 'use another'])
  })
})
