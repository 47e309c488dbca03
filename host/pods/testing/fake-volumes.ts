import type { GuestVolumes } from '../guest-volumes'
import type { MachineVolumes } from '../machine-volumes'
import { GuestRefusal } from '../ports'

const refuse = () => Promise.reject(new GuestRefusal('InvalidRequest', 'no volumes here'))

/** Of a guest that knows no volumes. */
export const noVolumes: GuestVolumes = { attach: refuse, detach: refuse, grow: refuse, freeze: refuse, thaw: refuse, mount: refuse, addDevice: refuse, unmount: refuse }

const none = () => Promise.reject(new Error('no disks of volumes here'))

/** Of a VM that has no volumes. */
export const noDisks: MachineVolumes = { plug: none, unplug: none, grow: none, limit: none, snapshot: none, confirmFrozen: none, replaceBelow: none, plugged: () => Promise.resolve([]), onFault: () => () => {}, isStopped: () => Promise.resolve(false), counters: () => Promise.resolve(new Map()), pause: none, resume: none }
