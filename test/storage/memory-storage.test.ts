import { storageConformance } from './conformance.js'
import { MemoryStorage } from './memory-storage.js'

storageConformance('the storage of the tests', () => {
  const storage = new MemoryStorage()
  return Promise.resolve({ storage, other: storage })
})
