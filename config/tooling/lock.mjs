import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 100
const GIVE_UP_AFTER_MS = 300_000

/** Runs `action` while holding the lock file, which names our pid; waits for a living holder, takes over from a dead one. */
export async function withLock(path, action) {
  const giveUpAt = Date.now() + GIVE_UP_AFTER_MS
  while (!tryCreate(path)) {
    const holder = readHolder(path)
    if (holder !== null && !isAlive(holder)) removeLockOf(path, holder)
    else if (Date.now() > giveUpAt)
      throw new Error(`${path} is held by process ${holder}. If that is no build, remove it`)
    else await sleep(POLL_MS)
  }
  try {
    return await action()
  } finally {
    rmSync(path, { force: true })
  }
}

function tryCreate(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

/** The holder's pid, or null while there is none or it has not written it yet. */
function readHolder(path) {
  try {
    return Number(readFileSync(path, 'utf8')) || null
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Renames before it removes: of several that saw the same dead holder, one wins, and a new holder's lock is put back. */
function removeLockOf(path, holder) {
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
  } catch (error) {
    if (error.code === 'ENOENT') return
    throw error
  }
  if (readHolder(aside) === holder) rmSync(aside)
  else renameSync(aside, path)
}
