import { text } from 'node:stream/consumers'
import { scratchSerial } from '@/contracts/guest/v1/machine'
import type { ContainerExited } from '@/contracts/guest/v1/messages'
import type { SetupParams, StartContainerParams } from '@/contracts/guest/v1/requests'
import type { GuestClient } from '@/host/guest/client'

type Start = Omit<StartContainerParams, 'stream'>

/** A request for tests to start a container of the busybox image. */
export function startRequest(container: string, args: string[], more: Partial<StartContainerParams> = {}): Start {
  return {
    ...{ container, image: 'busybox', args, env: [], cwd: '/', user: '', runAsUser: null, runAsGroup: null, supplementalGroups: [], mounts: [] },
    ...{ readOnlyRoot: false, noNewPrivileges: false, stdin: false, terminal: null, memoryBytes: null, cpuMillis: null },
    ...more,
  }
}

/** What makes a test's VM a pod's. */
export function setupRequest(more: Partial<SetupParams> = {}): SetupParams {
  return {
    instance: 'pod-1',
    time: Date.UTC(2031, 4, 6),
    entropy: Buffer.alloc(32, 7).toString('base64'),
    hostname: 'web-0',
    machineId: 'ab'.repeat(16),
    hosts: '127.0.0.1 localhost\n10.9.8.7 web-0\n',
    resolvConf: 'nameserver 10.9.8.1\n',
    network: { mac: '52:54:00:01:02:03', address: '10.9.8.7', prefixLength: 24, gateway: '10.9.8.1', mtu: 1400 },
    scratch: { serial: scratchSerial },
    volumes: [],
    ...more,
  }
}

/** How a container ends, to be asked before it is started. */
export function exitOf(client: GuestClient, container: string): Promise<ContainerExited> {
  return new Promise((resolve) => {
    const take = (exit: ContainerExited) => {
      if (exit.container !== container) return
      client.off('containerExited', take)
      resolve(exit)
    }
    client.on('containerExited', take)
  })
}

/** Runs a container to its end and removes it. */
export async function runToEnd(client: GuestClient, params: Start) {
  const exit = exitOf(client, params.container)
  const { stdout, stderr } = await client.startContainer(params)
  const [out, err, end] = await Promise.all([text(stdout), text(stderr), exit])
  await client.removeContainer(params.container)
  return { ...end, out, err }
}

/** Runs a command in a container to its end. */
export async function execute(client: GuestClient, container: string, args: string[]) {
  const session = await client.exec({ container, args, env: [], cwd: null, user: null, stdin: false, terminal: null })
  const [out, err, exit] = await Promise.all([text(session.stdout), text(session.stderr), session.exit])
  return { out, err, exitCode: exit.exitCode }
}
