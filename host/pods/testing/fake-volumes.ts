import type { GuestVolumes } from '../guest-volumes'
import { GuestRefusal } from '../ports'

const refuse = () => Promise.reject(new GuestRefusal('InvalidRequest', 'no volumes here'))

/** Of a guest that knows no volumes. */
export const noVolumes: GuestVolumes = { attach: refuse, detach: refuse, grow: refuse, freeze: refuse, thaw: refuse, mount: refuse, unmount: refuse }
