import botWords from '../data/bot-words.json' with { type: 'json' }

/** Whether a user agent is a program that reads pages by itself, or will not say what it is. */
export function isBot(userAgent: string): boolean {
  if (userAgent === '-') return true
  const lower = userAgent.toLowerCase()
  return botWords.some((word) => lower.includes(word))
}
