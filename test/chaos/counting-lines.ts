// Input of the job counting.ts, and the lines that it must come to.

export interface Line {
  readonly id: number
  readonly key: string
  readonly time: number
}

/** Several files of lines, the times of each rising. */
export function inputFiles(files: number, each: number, keys = 20): Line[][] {
  return Array.from({ length: files }, (_, file) =>
    Array.from({ length: each }, (_, i) => {
      const id = i * files + file
      return { id, key: `k${(id * 7919) % keys}`, time: i * 20 + file }
    }),
  )
}

/** What the output holds in the end, sorted. */
export function expectedOutput(files: readonly (readonly Line[])[]): string[] {
  const windows = new Map<string, { key: string; start: number; lines: number }>()
  const numbers = new Map<string, number>()
  const output: string[] = []
  for (const { key, time } of files.flat()) {
    const start = Math.floor(time / 1000) * 1000
    const window = windows.get(`${key} ${start}`) ?? { key, start, lines: 0 }
    window.lines++
    windows.set(`${key} ${start}`, window)
    const number = (numbers.get(key) ?? 0) + 1
    numbers.set(key, number)
    output.push(JSON.stringify({ key, number }))
  }
  return [...output, ...[...windows.values()].map((window) => JSON.stringify(window))].sort()
}
