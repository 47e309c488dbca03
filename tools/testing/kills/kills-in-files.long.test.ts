import { ensureDefaultStore } from '@/server/services/volume-stores/default-store'
import { describeKillsUnder } from './kills-suite'

describeKillsUnder('files', {
  open: async ({ test }) => {
    await ensureDefaultStore(test.db)
    return { stop: () => Promise.resolve() }
  },
})
