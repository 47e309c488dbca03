import type { PodConfiguration } from '@/domain/pod/configuration'
import type { LedgerEntry } from '@/host/ledger/entry'
import type { PodLogPort } from './container-set'
import type { PodAudience } from './pod-events'
import type { StartPorts } from './start-machine'

/** What a worker needs of the rest; `ports` make and undo, the others are told. */
export type WorkerDependencies = {
  ports: StartPorts
  vmUids: { take(): number; giveBack(uid: number): void }
  logs: PodLogPort & { end(): Promise<void>; remove(): Promise<void> }
  ledger: { save(entry: LedgerEntry): Promise<void>; remove(uid: string): Promise<void> }
  /** The ConfigMaps and Secrets of the pod that came before it, if any. */
  configuration?: PodConfiguration | null
  /** What downward fields call this host. */
  hostName?: string
  /** Of the machine, in which its steady clock holds. */
  machineBoot?: string
  onChange: () => void
  /** A step of the start began or ended, of which nobody has to know at once. */
  onProgress: () => void
} & PodAudience
