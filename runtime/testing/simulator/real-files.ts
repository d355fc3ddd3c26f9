/**
 * Resolves when all that follows from the last event without waiting has happened: microtasks are drained, and no request to a real file
 * is under way. A job's own source may read real files: in virtual time that takes no time at all, whatever the disk does.
 */
export async function fileRequestsDone(): Promise<void> {
  do await new Promise<void>((resolve) => setImmediate(resolve))
  while (process.getActiveResourcesInfo().some(isFileRequest))
}

function isFileRequest(resource: string): boolean {
  return resource.startsWith('FSReq') || resource === 'CloseReq'
}
