import type { Bench } from './promise'

/** What `npm run soak` (e2e/soak) measures: it takes too long to stand among the others. */
export const soak: Bench = {
  name: 'soak',
  title: 'Pods that come and go while every process is killed',
  command: 'npm run soak',
  promises: [
    { id: 'soak-leftovers', text: 'Pods created and deleted while every process is killed 50 times in all, and then without kills: counts of processes, taps, namespaces, packet filters, cgroups, files, rows, descriptors and memory that are more than they may be', unit: '', atMost: 0, digits: 0 },
    // LIVE_SLACK of e2e/soak/living.ts.
    { id: 'soak-memory', text: 'Live memory (heap and buffers after a collection) that web, control or host agent, whichever kept most, has more after 160 pods without kills', unit: 'MiB', atMost: 8, digits: 1 },
  ],
}
