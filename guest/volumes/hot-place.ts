import type { Container } from '@/guest/containers'
import { GuestError } from '@/guest/errors'
import type { Device } from '@/guest/oci'
import type { AttachedVolume } from '@/guest/volumes/volume'

/** Where a volume came into a container that runs: `at` is the path without links. `node`: of a volume of mode block. */
export interface HotPlace {
  pid: number
  volume: AttachedVolume
  at: string
  node?: Device
}

/** Throws Conflict. */
export function requireRunning({ exited, params }: Container): void {
  if (exited) throw new GuestError('Conflict', 'the container has ended', params.container)
}
