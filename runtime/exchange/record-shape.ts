/*
 * Records that are plain objects with the same keys in the same order share a shape. Taking them apart and putting them
 * together is generated code once a shape is common: measured 10 ns a record against 35 (apart) and 11 against 60
 * (together) for a loop over three keys. Rare shapes take the loop; tables are bounded.
 */
import { compile } from '../codec/shape-code.js'
import type { ColumnView } from './column-view.js'

const RECORDS_TO_COMPILE = 1000
const MAX_RECORD_SHAPES = 256
/** Wider records go one by one. */
const MAX_COLUMNS = 64

type Gather = (values: readonly unknown[], count: number, columns: readonly unknown[][]) => void
type Build = (out: unknown[], count: number, columns: readonly ColumnView[]) => void

/** The keys of some records. */
export class RecordShape {
  readonly keys: readonly string[]
  /** The keys as they stand in a frame: a JSON array in UTF-8. */
  readonly text: Buffer
  private records = 0
  private gatherCode: Gather | undefined
  private buildCode: Build | undefined

  constructor(keys: readonly string[]) {
    this.keys = keys
    this.text = Buffer.from(JSON.stringify(keys))
  }

  /** Whether all of the first `count` values are plain objects with exactly these keys, in this order. */
  covers(values: readonly unknown[], count: number): boolean {
    const { keys } = this
    const size = keys.length
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false
      const own = Object.keys(value)
      if (own.length !== size) return false
      for (let k = 0; k < size; k++) if (own[k] !== keys[k]) return false
    }
    return true
  }

  /** Takes records apart: `columns[k][i] = values[i][keys[k]]`. */
  gather(values: readonly unknown[], count: number, columns: readonly unknown[][]): void {
    if (this.gatherCode !== undefined) return this.gatherCode(values, count, columns)
    for (let k = 0; k < this.keys.length; k++) {
      const key = this.keys[k]!
      const column = columns[k]!
      for (let i = 0; i < count; i++) column[i] = (values[i] as Record<string, unknown>)[key]
    }
    if (this.becameCommon(count)) this.gatherCode = compileGather(this.keys)
  }

  /** Puts records together: the inverse of {@link gather}. */
  build(out: unknown[], count: number, columns: readonly ColumnView[]): void {
    if (this.buildCode !== undefined) return this.buildCode(out, count, columns)
    for (let i = 0; i < count; i++) {
      const record: Record<string, unknown> = {}
      for (let k = 0; k < this.keys.length; k++) {
        const value = columns[k]!.array[columns[k]!.offset + i]
        const key = this.keys[k]!
        if (key !== '__proto__') record[key] = value
        else Object.defineProperty(record, key, { value, configurable: true, enumerable: true, writable: true })
      }
      out[i] = record
    }
    if (this.becameCommon(count)) this.buildCode = compileBuild(this.keys)
  }

  private becameCommon(count: number): boolean {
    const before = this.records
    this.records = before + count
    return before < RECORDS_TO_COMPILE && this.records >= RECORDS_TO_COMPILE
  }
}

function compileGather(keys: readonly string[]): Gather | undefined {
  const columns = keys.map((_, k) => `const c${k} = columns[${k}]`)
  const moves = keys.map((key, k) => `c${k}[i] = r[${JSON.stringify(key)}]`)
  const loop = `for (let i = 0; i < count; i++) {\nconst r = values[i]\n${moves.join('\n')}\n}`
  return compile(keys, ['values', 'count', 'columns'], `${columns.join('\n')}\n${loop}`)
}

function compileBuild(keys: readonly string[]): Build | undefined {
  const columns = keys.map((_, k) => `const c${k} = columns[${k}].array, o${k} = columns[${k}].offset`)
  // In brackets "__proto__" is a key like any other.
  const name = (key: string): string => (key === '__proto__' ? '["__proto__"]' : JSON.stringify(key))
  const fields = keys.map((key, k) => `${name(key)}: c${k}[o${k} + i]`)
  const loop = `for (let i = 0; i < count; i++) out[i] = { ${fields.join(', ')} }`
  return compile(keys, ['out', 'count', 'columns'], `${columns.join('\n')}\n${loop}`)
}

/** The shapes that one thread has met, by the JSON text of their keys. */
export class RecordShapes {
  private readonly byText = new Map<string, RecordShape>()
  private last: RecordShape | undefined

  /** The shape that all values share; undefined when they share none, or one with no or very many keys. */
  shapeOf(values: readonly unknown[], count: number): RecordShape | undefined {
    const first = values[0]
    if (typeof first !== 'object' || first === null) return undefined
    if (this.last?.covers(values, 1) !== true) {
      const keys = Object.keys(first)
      if (keys.length === 0 || keys.length > MAX_COLUMNS) return undefined
      this.last = this.named(JSON.stringify(keys), keys)
    }
    return this.last.covers(values, count) ? this.last : undefined
  }

  /** The shape whose keys stand in `bytes[from, to)`. */
  read(bytes: Buffer, from: number, to: number): RecordShape {
    const last = this.last
    if (last !== undefined && last.text.compare(bytes, from, to) === 0) return last
    const text = bytes.toString('utf8', from, to)
    return (this.last = this.named(text, undefined))
  }

  private named(text: string, keys: readonly string[] | undefined): RecordShape {
    let shape = this.byText.get(text)
    if (shape !== undefined) return shape
    if (this.byText.size === MAX_RECORD_SHAPES) this.byText.clear()
    shape = new RecordShape(keys ?? (JSON.parse(text) as string[]))
    this.byText.set(text, shape)
    return shape
  }
}
