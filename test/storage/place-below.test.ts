import { describe, expect, it } from 'vitest'
import { placeBelow } from '../../runtime/storage/place-below.js'

describe('a place below another one', () => {
  it.each([
    ['/a/b', '/a/b/c'],
    ['a/', 'a/c'],
    ['s3://bucket', 's3://bucket/c'],
    ['s3://bucket/a/', 's3://bucket/a/c'],
    ['s3://bucket/a?region=x&endpoint=http://h/', 's3://bucket/a/c?region=x&endpoint=http://h/'],
  ])('%s: %s', (url, expected) => {
    expect(placeBelow(url, 'c')).toBe(expected)
  })
})
