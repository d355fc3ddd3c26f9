/**
 * Invariant: the tasks of one operator run in the order they were given; with tasks of several, those furthest down the chain run first,
 * for what they emit makes room for the others.
 */
export class Mailbox {
  /** Tasks that wait, of all links. */
  size = 0
  private readonly queues: TaskQueue[]

  /** `links`: how many operators the chain has; they are known by their place in it. */
  constructor(links: number) {
    this.queues = Array.from({ length: links }, () => new TaskQueue())
  }

  add(link: number, task: () => void): void {
    this.queues[link]!.add(task)
    this.size++
  }

  /** The last link, `from` or behind it, that has a task; -1 if none has. */
  next(from: number): number {
    if (this.size === 0) return -1
    for (let link = this.queues.length - 1; link >= from; link--) if (this.queues[link]!.length > 0) return link
    return -1
  }

  run(link: number): void {
    this.size--
    this.queues[link]!.run()
  }

  /** Resolves once the link has no task left; undefined if it has none now. */
  emptied(link: number): Promise<void> | undefined {
    return this.queues[link]!.emptied()
  }
}

class TaskQueue {
  private tasks: (() => void)[] = []
  private head = 0
  private waiting: (() => void)[] = []

  get length(): number {
    return this.tasks.length - this.head
  }

  add(task: () => void): void {
    this.tasks.push(task)
  }

  run(): void {
    const task = this.tasks[this.head++]!
    if (this.head === this.tasks.length) {
      this.tasks = []
      this.head = 0
    }
    task()
    if (this.length > 0 || this.waiting.length === 0) return
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  emptied(): Promise<void> | undefined {
    return this.length === 0 ? undefined : new Promise((resolve) => this.waiting.push(resolve))
  }
}
