import { rolePermissions } from '@/domain/tenant/permissions'
import type { ProcedureMeta } from '../trpc'

/** Who asks for something of one tenant's. */
export const callers = {
  nobody: 'no credential, or one that is none',
  elsewhere: 'the admin of another tenant',
  member: 'a member of the tenant, in a browser',
  admin: 'an admin of the tenant, in a browser',
  token: 'an API token of that admin’s',
  revoked: 'the same token once it is revoked',
  operator: 'an operator of the installation who is no member, in a browser',
} as const
export type Caller = keyof typeof callers
export const callerNames = Object.keys(callers).filter((name): name is Caller => name in callers)

/** `in`: past the door, whatever the input then comes to. Else the code of the refusal; `not_found` is the same answer as for what does not exist. */
export type Access = 'in' | 'unauthenticated' | 'not_found'

/** What the ladder of server/api/trpc.ts answers. */
export function expectedAccess({ rung, permission, session }: ProcedureMeta, caller: Caller): Access {
  if (rung === 'public') return 'in'
  if (caller === 'nobody' || caller === 'revoked' || (session && caller === 'token')) return 'unauthenticated'
  if (rung === 'signedIn') return 'in'
  if (rung === 'operator') return caller === 'operator' ? 'in' : 'not_found'
  if (caller === 'elsewhere' || caller === 'operator') return 'not_found'
  return permission && rolePermissions[caller === 'member' ? 'member' : 'admin'].includes(permission) ? 'in' : 'not_found'
}

export type Route = { method: 'GET' | 'PUT' | 'WebSocket'; path: string; what: string; meta: ProcedureMeta; /** Where a route answers otherwise than a procedure would. */ except?: Partial<Record<Caller, Access>>; /** What else has to be there. */ also?: string }

const pod: ProcedureMeta = { rung: 'tenant', permission: 'pod.exec' }
const open: ProcedureMeta = { rung: 'public' }

/** Routes outside of tRPC. `TENANT` and `TICKET` stand for a tenant's name and a one-time ticket of the admin’s token. */
export const routes: readonly Route[] = [
  { method: 'GET', path: '/healthz', what: 'the process lives', meta: open },
  { method: 'GET', path: '/readyz', what: 'the database answers', meta: open },
  { method: 'GET', path: '/metrics', what: 'figures for Prometheus', meta: { rung: 'operator' }, except: { nobody: 'not_found', revoked: 'not_found' } },
  { method: 'GET', path: '/api/pods/TENANT/default/web/files?path=/etc', what: 'files out of a pod', meta: pod, also: 'a cookie counts for the console’s own pages alone' },
  { method: 'PUT', path: '/api/pods/TENANT/default/web/files?path=/etc&name=a', what: 'files into a pod', meta: pod, also: 'a cookie counts with the console’s own Origin alone' },
  { method: 'PUT', path: '/api/images/TENANT?reference=app:1', what: 'an image’s archive', meta: { rung: 'tenant', permission: 'image.write' }, also: 'a cookie counts with the console’s own Origin alone' },
  { method: 'PUT', path: '/api/volumes/TENANT', what: 'a disk for volumes', meta: { rung: 'tenant', permission: 'volume.write' }, also: 'a cookie counts with the console’s own Origin alone' },
  { method: 'WebSocket', path: '/ws/trpc', what: 'procedures and subscriptions', meta: { rung: 'signedIn' }, also: 'a cookie counts with the console’s own Origin alone; each call climbs its procedure’s ladder' },
  { method: 'WebSocket', path: '/ws/stream/TICKET', what: 'a terminal, copy or port-forward that a procedure opened', meta: { rung: 'signedIn' }, except: { elsewhere: 'not_found', member: 'not_found', admin: 'not_found', operator: 'not_found' }, also: 'the ticket is good once, within 30 s, for the credential that asked for it' },
  { method: 'WebSocket', path: '/ws/host', what: 'hosts', meta: open, also: 'nothing is served before a hello that the host’s own key has signed' },
  { method: 'WebSocket', path: '/ws/host-stream/unknown', what: 'one stream of a host', meta: open, except: { nobody: 'not_found', elsewhere: 'not_found', member: 'not_found', admin: 'not_found', token: 'not_found', revoked: 'not_found', operator: 'not_found' }, also: 'only with a one-time ticket that the server gave the host within 10 s' },
]

export const expectedOfRoute = ({ meta, except }: Route, caller: Caller): Access => except?.[caller] ?? expectedAccess(meta, caller)

const words: Record<Access, string> = { in: 'yes', unauthenticated: '401', not_found: '404' }
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string => [row(heads), row(heads.map(() => '---')), ...rows.map(row)].join('\n')

/** docs/authorization.md, from what the procedures say of themselves. */
export function authorizationPage(procedures: readonly { path: string; type: string; meta: ProcedureMeta }[]): string {
  const columns = callerNames.map((name) => ({ nobody: 'nobody', elsewhere: 'elsewhere', member: 'member', admin: 'admin', token: 'token', revoked: 'revoked token', operator: 'operator' })[name])
  const needs = ({ rung, permission, session }: ProcedureMeta) => (rung === 'tenant' ? `\`${permission ?? ''}\`` : rung === 'operator' ? 'operator' : rung === 'public' ? 'nothing' : session ? 'a session' : 'a person')
  return `# Who may do what

Written by \`HYPERNETES_WRITE_DOCS=1 npx vitest run --project unit server/api/authorization.test.ts\`; the same test calls each procedure as each
caller, and fails when an answer or this page differs. Change the code, not the page.

Everything is asked of one tenant by:

${callerNames.map((name, i) => `- **${columns[i] ?? ''}**: ${callers[name]}`).join('\n')}

\`yes\` is past the door: the input may be refused after it. \`401\` asks for a sign-in. \`404\` is, to the letter, the answer for a tenant
or a page that does not exist. A tenant has the roles admin and member; a token has what the person has who made it, in its one tenant,
and never what needs a session. Operators see no tenant's objects.

## Procedures

${table(['procedure', 'needs', ...columns], procedures.map(({ path, type, meta }) => [`\`${path}\` (${type})`, needs(meta), ...callerNames.map((caller) => words[expectedAccess(meta, caller)])]))}

\`manifest.apply\`, \`manifest.get\`, \`manifest.list\` and \`manifest.delete\` ask each object's own permission besides. \`account.signUp\` needs an open
sign-up; \`token.issue\` takes an e-mail and a password. \`volume.attach\` asks \`pod.create\` besides, and \`volume.detach\` with \`force\` asks
\`pod.delete\`, for the pod may end with it.

## Other routes

\`/api/trpc/<procedure>\` is the table above, by HTTP. Pages of the console ask the same procedures as the person of the cookie.
\`/api/auth/\` serves NextAuth's \`csrf\`, \`session\`, \`providers\`, \`signin\`, \`error\` (GET), \`callback/credentials\` and \`signout\` (POST, with its own
token against forgery and the console's own Origin) to everybody, and nothing else of it. Hosts below the forward domain serve one pod's port
to the browser that came with a one-time ticket (docs/adr/0011-port-forward-in-the-browser.md).

${table(['route', 'what', 'needs', ...columns, 'besides'], routes.map((route) => [`${route.method} \`${route.path.split('?')[0] ?? ''}\``, route.what, needs(route.meta), ...callerNames.map((caller) => words[expectedOfRoute(route, caller)]), route.also ?? '']))}

A request that changes something is refused (403) where another site's page sent it, whatever else it brings. Which test shows it:
\`server/api/authorization.test.ts\`, \`server/api/routes.test.ts\`, \`e2e/security-http.spec.ts\`.
`
}
