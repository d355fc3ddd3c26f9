import { describe, expect, it } from 'vitest'
import { isBot } from '../../jobs/lib/bot.js'
import { isPageImpression } from '../../jobs/lib/page-impression.js'
import { ASSET_ENDINGS, BOT_WORDS } from './oracle-visits.js'

const asked = (request: string, status = 200): boolean =>
  isPageImpression({ ip: '192.0.2.1', time: 0, userAgent: '', request, status })

describe('a page impression', () => {
  it('is a GET that was answered', () => {
    expect(asked('GET / HTTP/1.1')).toBe(true)
    expect(asked('GET / HTTP/1.1', 304)).toBe(true)
    for (const status of [100, 201, 206, 301, 302, 404, 500]) expect(asked('GET / HTTP/1.1', status)).toBe(false)
    for (const method of ['HEAD', 'POST', 'OPTIONS', 'get', 'GETX', 'PROPFIND'])
      expect(asked(`${method} / HTTP/1.1`)).toBe(false)
    for (const request of ['-', '', 'GET', '\\x16\\x03']) expect(asked(request)).toBe(false)
  })

  it.each(ASSET_ENDINGS)('is not a GET of something that ends in %s, in whatever case', (ending) => {
    expect(asked(`GET /a${ending} HTTP/1.1`)).toBe(false)
    expect(asked(`GET /A${ending.toUpperCase()}?v=1#top HTTP/1.1`)).toBe(false)
    expect(asked(`GET /a${ending}/ HTTP/1.1`)).toBe(true)
    expect(asked(`GET /a${ending}x HTTP/1.1`)).toBe(!ASSET_ENDINGS.includes(`${ending}x`))
  })

  it('is judged by its path without query and fragment', () => {
    expect(asked('GET /page?image=a.png HTTP/1.1')).toBe(true)
    expect(asked('GET /page#a.png HTTP/1.1')).toBe(true)
    expect(asked('GET /a.png?x=/page HTTP/1.1')).toBe(false)
    expect(asked('GET /a.png#?x HTTP/1.1')).toBe(false)
  })

  it('is judged by its path whatever the protocol', () => {
    expect(asked('GET /a.png HTTP/2.0')).toBe(false)
    expect(asked('GET /a.png')).toBe(false)
    expect(asked('GET /page')).toBe(true)
    expect(asked('GET http://example.com/a.css HTTP/1.1')).toBe(false)
    expect(asked('GET /a b.png HTTP/1.1')).toBe(false)
  })
})

describe('a bot', () => {
  it.each(BOT_WORDS)('has %s in its user agent, in whatever case', (word) => {
    expect(isBot(`Mozilla/5.0 (x${word}y)`)).toBe(true)
    expect(isBot(word.toUpperCase())).toBe(true)
  })

  it('may say nothing', () => {
    expect(isBot('-')).toBe(true)
  })

  it('is not who says something else', () => {
    for (const userAgent of ['', ' -', '--', 'Mozilla/5.0 (X11; Linux x86_64)', 'java 8', 'bo t'])
      expect(isBot(userAgent)).toBe(false)
  })
})
