import { join } from 'node:path'

/** What `openStorage` takes for a place below another one: `s3://bucket/a?region=x` and `b` are `s3://bucket/a/b?region=x`. Pure. */
export function placeBelow(url: string, name: string): string {
  if (!url.startsWith('s3://')) return join(url, name)
  const [place, ...query] = url.split('?')
  return [`${place!.replace(/\/+$/, '')}/${name}`, ...query].join('?')
}
