import { copyOfLayers } from '@/host/volumes/testing/ext4-copy'
import { ensureDefaultStore } from '@/server/services/volume-stores/default-store'
import { describeDatabase } from './database-suite'

describeDatabase('files', {
  hosts: ['a'],
  open: async ({ test, hosts }) => {
    await ensureDefaultStore(test.db)
    return {
      copy: async ({ uid }, raw) => {
        const folders = await Promise.all(hosts.map((machine) => machine.in('find', machine.data, '-path', `*/snapshots/${uid}`)))
        await copyOfLayers(folders.join('').trim(), raw)
      },
      close: () => Promise.resolve(),
    }
  },
})
