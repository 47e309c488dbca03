import { GuestError } from '@/guest/errors'

/** Who a process runs as. */
export interface Identity {
  uid: number
  gid: number
  groups: number[]
  /** From the image's passwd; '/' where it has none. */
  home: string
}

export interface IdentityRequest {
  /** user[:group] of the image, names or numbers; '' is root. */
  user: string
  /** Numbers that win over `user`. */
  runAsUser: number | null
  runAsGroup: number | null
  supplementalGroups: readonly number[]
}

interface Account {
  name: string
  uid: number
  gid: number
  home: string
}

interface Group {
  name: string
  gid: number
  members: string[]
}

function fieldsOf(text: string): string[][] {
  return text.split('\n').map((line) => line.split(':'))
}

function parseAccounts(passwd: string): Account[] {
  return fieldsOf(passwd).flatMap(([name, , uid, gid, , home]) =>
    name && /^\d+$/.test(uid ?? '') && /^\d+$/.test(gid ?? '') ? [{ name, uid: Number(uid), gid: Number(gid), home: home || '/' }] : [],
  )
}

function parseGroups(group: string): Group[] {
  return fieldsOf(group).flatMap(([name, , gid, members]) => (name && /^\d+$/.test(gid ?? '') ? [{ name, gid: Number(gid), members: (members ?? '').split(',') }] : []))
}

function resolveUser(accounts: readonly Account[], wanted: string): { uid: number; account: Account | undefined } {
  const byName = accounts.find((account) => account.name === wanted)
  if (byName) return { uid: byName.uid, account: byName }
  if (!/^\d+$/.test(wanted)) throw new GuestError('UserNotFound', 'the image has no such user in its /etc/passwd', wanted)
  return { uid: Number(wanted), account: accounts.find((account) => account.uid === Number(wanted)) }
}

function resolveGroup(groups: readonly Group[], wanted: string): number {
  const byName = groups.find((group) => group.name === wanted)
  if (byName) return byName.gid
  if (!/^\d+$/.test(wanted)) throw new GuestError('UserNotFound', 'the image has no such group in its /etc/group', wanted)
  return Number(wanted)
}

/**
 * Resolves an image's user as Docker and Kubernetes do: names by the image's own passwd and group;
 * a user without a group gets that of its account, else 0, and the groups that list it.
 * Throws UserNotFound for a name the image does not know.
 */
export function resolveIdentity(passwd: string, group: string, request: IdentityRequest): Identity {
  const accounts = parseAccounts(passwd)
  const groups = parseGroups(group)
  const [userPart = '', groupPart = ''] = request.runAsUser === null ? request.user.split(':') : [String(request.runAsUser)]
  const { uid, account } = resolveUser(accounts, userPart || '0')
  let gid = groupPart ? resolveGroup(groups, groupPart) : (account?.gid ?? 0)
  if (request.runAsGroup !== null) gid = request.runAsGroup
  const memberOf = groupPart || !account ? [] : groups.filter((entry) => entry.members.includes(account.name)).map((entry) => entry.gid)
  // The own group too: without it a program could drop it to pass a file that denies its group.
  const all = new Set([gid, ...memberOf, ...request.supplementalGroups])
  return { uid, gid, groups: [...all], home: account?.home ?? '/' }
}
