/** The timer at end - 1 of a tumbling or sliding window: it fires. */
export const FIRE = 0
/** The timer at end - 1 + allowed lateness: its state goes. Only where lateness is allowed; else `FIRE` does both. */
export const CLEAN = 1
