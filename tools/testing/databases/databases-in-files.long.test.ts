import { ensureDefaultStore } from '@/server/services/volume-stores/default-store'
import { describeDatabase } from './database-suite'

describeDatabase('files', {
  hosts: ['a'],
  open: async ({ test }) => {
    await ensureDefaultStore(test.db)
    return () => Promise.resolve()
  },
})
