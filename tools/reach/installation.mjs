// What the local commands have in common: which installation, tenant and pod they are about, and how they speak to it.

/** Ends the command with a sentence for the person: cause, object, next action. */
export class CommandError extends Error {}

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const podName = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/

/**
 * The installation of the options `--url` and `--tenant` and the token of the environment, which is never an argument:
 * every user of a machine can read those.
 */
export function installationOf({ url, tenant }, environment = process.env) {
  if (!url || !tenant) throw new CommandError('Name the installation and the tenant: --url https://… --tenant NAME.')
  let base
  try {
    base = new URL(url)
  } catch {
    throw new CommandError(`--url "${url}" is no address. Give the console's, such as http://127.0.0.1:3000.`)
  }
  if (!['http:', 'https:'].includes(base.protocol)) throw new CommandError(`--url "${url}" must begin with http:// or https://.`)
  const token = environment.HYPERNETES_TOKEN?.trim()
  if (!token) throw new CommandError('HYPERNETES_TOKEN is not set. Create an API token in the console and put it into the environment of this command.')
  return { origin: base.origin, tenant, token }
}

/** `NAMESPACE/POD`, or `POD` in the namespace default. */
export function podOf(text) {
  const [first = '', second, ...more] = text.split('/')
  const [namespace, name] = second === undefined ? ['default', first] : [first, second]
  if (more.length > 0 || !label.test(namespace) || !podName.test(name)) throw new CommandError(`"${text}" names no pod. Write NAMESPACE/POD, such as default/web.`)
  return { namespace, name }
}

const authorization = (installation) => ({ authorization: `Bearer ${installation.token}` })

async function reach(installation, path, init) {
  try {
    return await fetch(new URL(path, installation.origin), { ...init, headers: { ...authorization(installation), ...init?.headers } })
  } catch (error) {
    throw new CommandError(`${installation.origin} cannot be reached: ${error.cause?.code ?? error.cause?.message ?? error.message}. Check --url, and whether the installation runs.`)
  }
}

/** Calls a procedure; throws what the server said. */
export async function mutate(installation, procedure, input) {
  const response = await reach(installation, `/api/trpc/${procedure}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ tenant: installation.tenant, ...input }) })
  return resultOf(response)
}

export async function query(installation, procedure, input) {
  return resultOf(await reach(installation, `/api/trpc/${procedure}?input=${encodeURIComponent(JSON.stringify({ tenant: installation.tenant, ...input }))}`))
}

async function resultOf(response) {
  const body = await response.json().catch(() => null)
  if (body?.result) return body.result.data
  throw new CommandError(saying(response.status, body?.error?.message))
}

/** The response of a request to the files of a pod; throws what the server said. */
export async function filesOf(installation, { namespace, name }, parameters, init) {
  const path = [installation.tenant, namespace, name].map(encodeURIComponent).join('/')
  const search = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined))
  const response = await reach(installation, `/api/pods/${path}/files?${search}`, init)
  if (response.ok) return response
  const body = await response.json().catch(() => null)
  throw new CommandError(saying(response.status, body?.error?.message))
}

function saying(status, message) {
  if (status === 401) return `The token is not accepted: ${message ?? 'it is wrong, revoked or too old'} Set HYPERNETES_TOKEN to one that is good.`
  return message ?? `The server answered with status ${status} and no reason. Check that --url is an installation of Hypernetes.`
}

/** Runs a command's main function; what it throws for the person ends the process with code 1 and no stack. */
export async function runCommand(usage, main) {
  try {
    await main()
  } catch (error) {
    if (error?.code?.startsWith?.('ERR_PARSE_ARGS')) console.error(`${error.message}\n\n${usage}`)
    else if (error instanceof CommandError) console.error(error.message)
    else throw error
    process.exitCode = 1
  }
}
