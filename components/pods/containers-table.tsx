'use client'
import type { ContainerStatus } from '@/domain/pod/status'
import type { ContainerRole, ContainerSpec } from '@/domain/pod/spec'
import type { PodView } from '@/domain/pod/view'
import { containersOf } from '@/domain/pod/container-of'
import { lastEndOf, shortEnd } from '@/domain/pod/ends'
import { NOTHING } from '@/components/client/formats'
import { Ago } from '@/components/patterns/time'
import { CopyableId } from '@/components/ui/copyable'
import { StateBadge, type StateShape } from '@/components/ui/state-badge'

function shapeOf(container: ContainerStatus): StateShape {
  if (container.state === 'Running') return 'running'
  if (container.state === 'Terminated') return container.exitCode === 0 ? 'stopped' : 'failed'
  return container.restartCount > 0 || /fail|err|crash|backoff|invalid/i.test(container.reason) ? 'failed' : 'changing'
}

const roles: Record<ContainerRole, string> = { init: 'Init', sidecar: 'Sidecar', container: 'Container' }
const heads = ['Container', 'Role', 'State', 'Ready', 'Restarts', 'Last end', 'Image', 'Resources', 'Ports', 'Since']

/** A pod's containers in the order in which they start, with what each is doing, and why. What the page has `told` above is not said again. */
export function ContainersTable({ pod, told }: { pod: PodView; told: ReadonlySet<string> }) {
  return (
    <div role="group" aria-label="Containers" tabIndex={0} className="relative overflow-x-auto focus-visible:-outline-offset-2">
      <table className="w-full text-left text-sm">
        <thead className="border-b border-stroke bg-surface text-xs text-faint">
          <tr>{heads.map((head) => <th key={head} scope="col" className="h-8 whitespace-nowrap px-3 font-medium first:pl-4 last:pr-4">{head}</th>)}</tr>
        </thead>
        <tbody>
          {containersOf(pod.spec).map(({ spec, role }) => <ContainerRow key={spec.name} spec={spec} role={role} told={told} status={pod.status.containers.find((c) => c.name === spec.name)} />)}
        </tbody>
      </table>
    </div>
  )
}

const cell = 'px-3 py-2 first:pl-4 last:pr-4'

function ContainerRow({ spec, role, status, told }: { spec: ContainerSpec; role: ContainerRole; status: ContainerStatus | undefined; told: ReadonlySet<string> }) {
  const end = status && lastEndOf(status)
  return (
    <tr className="border-b border-stroke align-top last:border-0">
      <th scope="row" className={`${cell} whitespace-nowrap font-medium`}>{spec.name}</th>
      <td className={`${cell} text-soft`}>{roles[role]}</td>
      <td className={cell}>{status ? <ContainerState status={status} told={told} /> : NOTHING}</td>
      <td className={`${cell} whitespace-nowrap text-soft`}>{status ? readiness(status, role) : NOTHING}</td>
      <td className={`${cell} text-soft`}>{status?.restartCount ?? 0}</td>
      <td className={`${cell} whitespace-nowrap text-soft`}>{end ? <>{shortEnd(end)}<span className="block text-xs text-faint"><Ago time={end.finishedAt || null} /></span></> : NOTHING}</td>
      <td className={`${cell} min-w-50`}>
        <code className="break-all font-mono text-xs">{spec.image}</code>
        {status?.imageDigest && <div className="text-faint"><CopyableId id={status.imageDigest} keep={19} /></div>}
      </td>
      <td className={`${cell} whitespace-nowrap text-soft`}>{[spec.resources.limits.cpu && `${spec.resources.limits.cpu} CPU`, spec.resources.limits.memory].filter(Boolean).join(', ') || NOTHING}</td>
      <td className={`${cell} whitespace-nowrap font-mono text-xs leading-5 text-soft`}>{spec.ports.map((port) => `${port.containerPort}/${port.protocol}`).join(', ') || NOTHING}</td>
      <td className={`${cell} text-soft`}><Ago time={status?.finishedAt ?? status?.startedAt} /></td>
    </tr>
  )
}

/** An init container is ready by having ended well; what waits for its startup probe is not started. */
function readiness(status: ContainerStatus, role: ContainerRole): string {
  if (role === 'init') return status.state === 'Terminated' && status.exitCode === 0 ? 'Done' : 'Not done'
  if (status.state === 'Running' && !status.started) return 'Starting'
  return status.ready ? 'Ready' : 'Not ready'
}

function ContainerState({ status, told }: { status: ContainerStatus; told: ReadonlySet<string> }) {
  const why = [status.reason, status.exitCode !== null && status.state !== 'Running' && `exit code ${status.exitCode}`, status.signal !== null && status.state !== 'Running' && `signal ${status.signal}`].filter(Boolean).join(', ')
  return (
    <div className="min-w-32">
      <StateBadge shape={shapeOf(status)}>{status.state}</StateBadge>
      {why && <p className="text-xs text-faint">{why}</p>}
      {status.message && !told.has(status.message) && <p className="max-w-90 whitespace-pre-line text-xs wrap-anywhere text-faint">{status.message}</p>}
    </div>
  )
}
