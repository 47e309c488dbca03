import type { VolumeRequests } from '@/host/guest/volume-requests'
import type { GuestVolumes } from '../guest-volumes'
import { translated } from './translated'

/** A guest's volumes over a connection to the real agent. */
export function connectedVolumes(requests: VolumeRequests): GuestVolumes {
  return {
    attach: (params, timeoutMs) => translated(requests.attach(params, timeoutMs)),
    detach: (params) => translated(requests.detach(params)),
    grow: (volume, timeoutMs) => translated(requests.grow(volume, timeoutMs)),
    freeze: (params) => translated(requests.freeze(params)),
    thaw: (volumes) => translated(requests.thaw(volumes)),
    mount: (params) => translated(requests.mount(params)),
    addDevice: (params) => translated(requests.addDevice(params)),
    unmount: (params) => translated(requests.unmount(params)),
  }
}
