import type { BalancerBackend, BalancerServer } from '@/domain/load-balancer/model'
import { backendOf, sectionOf, serverName, serverText, stickyCommand } from './servers'
import { tableOf } from './runtime'

/** A server as HAProxy has it. `leaving`: gets nothing new, and what it has may end. `down`: HAProxy's own checks took it out. */
export type RunningServer = { backend: string; name: string; weight: number; leaving: boolean; down: boolean }
export const serversQuestion = 'show servers state'
const [forcedMaintenance, stopped] = [0x01, '0']
/** A command has some 400 letters at most. */
const commandsTogether = 20

export function runningServers(answer: string): RunningServer[] {
  // A version of the format stands before the table.
  return tableOf(answer, ' ').flatMap((row) => {
    const backend = backendOf(row.get('be_name') ?? '')
    const leaving = (Number(row.get('srv_admin_state')) & forcedMaintenance) !== 0
    return backend === null ? [] : [{ backend, name: row.get('srv_name') ?? '', weight: Number(row.get('srv_uweight')), leaving, down: !leaving && row.get('srv_op_state') === stopped }]
  })
}

export const serverPath = ({ backend, name }: Pick<RunningServer, 'backend' | 'name'>): string => `${sectionOf(backend)}/${name}`

/**
 * What is said to HAProxy so that it has these servers, as groups of commands, and those that go. Who leaves gets nothing new at once, also not from who is bound to it by a
 * cookie; who comes back while it leaves is taken back.
 */
export function serverChanges(backends: readonly BalancerBackend[], wanted: ReadonlyMap<string, readonly BalancerServer[]>, running: readonly RunningServer[]): { commands: string[]; leaving: RunningServer[] } {
  const known = new Map(running.map((server) => [serverPath(server), server]))
  const named = new Set<string>()
  const commands = backends.filter(({ mode }) => mode !== 'udp').flatMap((backend) => (wanted.get(backend.name) ?? []).flatMap((server) => {
    const path = serverPath({ backend: backend.name, name: serverName(server) })
    named.add(path)
    const now = known.get(path)
    if (!now) return [`add server ${path} ${serverText(backend, server)}; enable health ${path}; enable server ${path}`]
    return [...(now.weight === server.weight ? [] : [`set server ${path} weight ${server.weight}`]), ...(now.leaving ? [`set server ${path} state ready`] : [])]
  }))
  const leaving = running.filter((server) => !named.has(serverPath(server)))
  return { commands: [...commands, ...leaving.filter((server) => !server.leaving).map((server) => `set server ${serverPath(server)} state maint`)], leaving }
}

/** Commands after which these get nothing new. One that HAProxy does not have it answers with words that mean nothing here. */
export const releasing = (servers: ReadonlyMap<string, readonly BalancerServer[]>): string[] => each(servers, 'state maint')
/** Commands after which these get nothing new until a check finds them alive: nobody else needs to say so. */
export const losing = (servers: ReadonlyMap<string, readonly BalancerServer[]>): string[] => each(servers, 'health down')
const each = (servers: ReadonlyMap<string, readonly BalancerServer[]>, what: string): string[] =>
  [...servers].flatMap(([backend, all]) => all.map((server) => `set server ${serverPath({ backend, name: serverName(server) })} ${what}`))

/** After servers came: those get cookies. */
export const stickyCommands = (backends: readonly BalancerBackend[], commands: readonly string[], key: string): string[] =>
  backends.filter(({ name, mode }) => mode === 'http' && commands.some((text) => text.startsWith(`add server ${sectionOf(name)}/`))).flatMap((backend) => stickyCommand(backend, key))

/** Some commands in one go each: HAProxy takes as many as its buffer has room for. */
export function together(commands: readonly string[]): string[] {
  return Array.from({ length: Math.ceil(commands.length / commandsTogether) }, (_, i) => commands.slice(i * commandsTogether, (i + 1) * commandsTogether).join('; '))
}

/** What HAProxy answers to a change that it carried out: nothing, or that it did. */
export const isDone = (answer: string): boolean => answer.split('\n').every((line) => line.trim() === '' || /^New server registered\.|^Server deleted\./.test(line))
