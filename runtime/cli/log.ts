import { pino } from 'pino'
import type { LogLevel } from '../../config/options.js'
import type { Screen } from './screen.js'

/** Facts that go with a message, for machines. */
export type LogFields = Readonly<Record<string, unknown>>

/** Messages on standard error. */
export interface Log {
  readonly debug: (message: string, fields?: LogFields) => void
  readonly info: (message: string, fields?: LogFields) => void
  readonly warn: (message: string, fields?: LogFields) => void
  readonly error: (message: string, fields?: LogFields) => void
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']

/** Whether messages of `level` are shown where at least `least` is asked for. */
export function isShown(level: LogLevel, least: LogLevel): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(least)
}

/** Lines for people: the message alone, with its level where that matters. */
export function textLog(screen: Screen, least: LogLevel): Log {
  const at =
    (level: LogLevel, prefix: string) =>
    (message: string): void => {
      if (isShown(level, least)) screen.note(prefix + message)
    }
  return {
    debug: at('debug', 'debug: '),
    info: at('info', ''),
    warn: at('warn', 'warning: '),
    error: at('error', 'error: '),
  }
}

/** One JSON object a line: level, time, message and fields. */
export function jsonLog(screen: Screen, least: LogLevel): Log {
  const logger = pino(
    {
      level: least,
      base: { pid: process.pid },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    { write: (line: string) => screen.note(line.trimEnd()) },
  )
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}): void =>
      logger[level](fields, message)
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
