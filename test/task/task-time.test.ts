import { describe, expect, it } from 'vitest'
import { TaskTime } from '../../runtime/task/task-time.js'

describe('the time of a subtask', () => {
  it('is work, waiting with something to do, and the rest', () => {
    const time = new TaskTime(1000)
    time.worked(1000, 1010)
    time.stuck(1010)
    time.stuck(1020)
    expect(time.shares(1030)).toEqual({ busyMs: 10, backPressuredMs: 20, elapsedMs: 30 })
    time.worked(1050, 1055)
    time.unstuck(1060)
    time.stuck(1070)
    time.unstuck(1075)
    expect(time.shares(1100)).toEqual({ busyMs: 15, backPressuredMs: 45, elapsedMs: 100 })
  })
})
