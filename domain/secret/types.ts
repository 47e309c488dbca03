import { z } from 'zod'
import { fromBase64, utf8Text } from '../shared/base64'

/** The types of Secrets that Hypernetes knows; others of a user's own (such as example.com/license) are kept as they are. */
export const secretTypes = ['Opaque', 'kubernetes.io/dockerconfigjson', 'kubernetes.io/basic-auth', 'kubernetes.io/ssh-auth', 'kubernetes.io/tls'] as const
export const dockerConfigKey = '.dockerconfigjson'

/** A type's name: Kubernetes reserves kubernetes.io for itself. */
export const secretType = z
  .string({ error: 'must be a string' })
  .min(1, 'must not be empty')
  .max(253, 'must be at most 253 characters')
  .regex(/^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$/, 'must be letters, digits, "-", "_", "." and "/"')
  .refine((type) => !/^([a-z0-9.-]+\.)?kubernetes\.io\//.test(type) || secretTypes.some((known) => known === type), `is not carried out: use ${secretTypes.join(', ')}, or a type outside kubernetes.io`)

type Report = (key: string | null, message: string) => void

/** What each type demands of its keys, as Kubernetes' ValidateSecret does. `data` is base64; no message holds a value. */
export function checkSecretType(type: string, data: Readonly<Record<string, string>>, report: Report): void {
  const has = (key: string) => Object.hasOwn(data, key)
  const need = (key: string) => {
    if (!has(key)) report(key, `is required for a Secret of type ${type}`)
  }
  if (type === 'kubernetes.io/tls') ['tls.crt', 'tls.key'].forEach(need)
  if (type === 'kubernetes.io/ssh-auth' && !data['ssh-privatekey']) report('ssh-privatekey', `is required for a Secret of type ${type}`)
  if (type === 'kubernetes.io/basic-auth' && !has('username') && !has('password')) report('username', `is required for a Secret of type ${type}, or password`)
  if (type !== 'kubernetes.io/dockerconfigjson') return
  need(dockerConfigKey)
  const problem = has(dockerConfigKey) ? dockerConfigProblem(data[dockerConfigKey] ?? '') : null
  if (problem) report(dockerConfigKey, problem)
}

const dockerConfig = z.looseObject({ auths: z.record(z.string(), z.looseObject({ username: z.string().optional(), password: z.string().optional(), auth: z.string().optional() })) })

/** Why a Docker configuration (base64) names no credentials that a host could use, or null. */
export function dockerConfigProblem(base64: string): string | null {
  const bytes = fromBase64(base64)
  const text = bytes && utf8Text(bytes)
  if (text === null) return 'must be JSON text'
  const parsed = dockerConfig.safeParse(jsonOf(text))
  if (!parsed.success) return 'must be JSON of the form {"auths": {"registry.example": {"username": …, "password": …}}}'
  for (const [registry, { auth, username, password }] of Object.entries(parsed.data.auths)) {
    if (username !== undefined && password !== undefined) continue
    const decoded = auth === undefined ? null : fromBase64(auth)
    if (!decoded?.includes(0x3a)) return `names no credentials for ${registry.slice(0, 253)}: give username and password, or auth as base64 of user:password`
  }
  return null
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** The Docker configuration of one registry's user, as `docker login` writes it. */
export const dockerConfigJson = (registry: string, username: string, password: string, toBase64: (text: string) => string): string =>
  JSON.stringify({ auths: { [registry]: { username, password, auth: toBase64(`${username}:${password}`) } } })
