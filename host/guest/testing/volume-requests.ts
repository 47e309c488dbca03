import { once } from 'node:events'
import type { AttachVolumeParams } from '@/contracts/guest/v1/volumes'
import type { GuestClient } from '@/host/guest/client'
import { execute, runToEnd, startRequest } from '@/host/guest/testing/requests'

/** A machine without KVM that others load makes and checks file systems slowly. */
export const answerMs = 90_000

/** A volume of the pod as a container has it. */
export const mounted = (volume: string, subPath = '') => ({ volume, path: '/data', readOnly: false, subPath })

type ContainerParts = Parameters<typeof startRequest>[2]

/** What tests ask a guest of volumes for, of the client that is connected now. */
export function volumeRequests(client: () => GuestClient) {
  return {
    attach: (volume: string, serial: string, more: Partial<AttachVolumeParams> = {}) => client().volumes.attach({ volume, serial, fsType: 'ext4', mode: 'filesystem', readOnly: false, format: true, populate: null, ...more }, answerMs),
    detach: (volume: string, force = false) => client().volumes.detach({ volume, force, timeoutMilliseconds: force ? 20_000 : 300 }),
    /** Runs a shell in a container with these mounts, to its end. */
    shell: (name: string, script: string, parts: ContainerParts = {}) => runToEnd(client(), startRequest(name, ['sh', '-c', script], parts)),
    /** Starts a container that stays, and whose shell others enter. */
    sleeper: async (container: string, parts: ContainerParts = {}): Promise<void> => {
      const { stdout, stderr } = await client().startContainer(startRequest(container, ['sleep', '3600'], parts))
      stdout.resume()
      stderr.resume()
    },
    inside: (container: string, script: string) => execute(client(), container, ['sh', '-c', script]),
    /** Resolves once a process in a container has done this and stays. */
    staying: async (container: string, script: string): Promise<void> => {
      const session = await client().exec({ container, args: ['sh', '-c', `${script} && echo here && exec sleep 3600`], env: [], cwd: null, user: null, stdin: false, terminal: null })
      await once(session.stdout, 'data')
    },
  }
}
