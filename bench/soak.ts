import type { Bench } from './promise'

/** What `npm run soak` (e2e/soak) measures: it takes too long to stand among the others. */
export const soak: Bench = {
  name: 'soak',
  title: 'Pods that come and go while every process is killed',
  command: 'npm run soak',
  promises: [
    { id: 'soak-leftovers', text: 'Pods created and deleted while every process is killed 50 times in all: counts of processes, taps, namespaces, packet filters, files, descriptors, memory and rows that are not what they were', unit: '', atMost: 0, digits: 0 },
    { id: 'soak-host-memory', text: 'Memory of the host agent (RSS) after them above what it was before', unit: 'MiB', atMost: 96, digits: 0 },
  ],
}
