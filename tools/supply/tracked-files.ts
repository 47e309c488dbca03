import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What looks like a secret that opens something, by its issuer's form. */
const secrets: readonly [RegExp, string][] = [
  [/-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}/, 'a private key'],
  [/\bAKIA[0-9A-Z]{16}\b/, 'an access key of AWS'],
  [/\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_[A-Za-z0-9_]{60}/, 'a token of GitHub'],
  [/\bglpat-[A-Za-z0-9_-]{20}/, 'a token of GitLab'],
  [/\bnpm_[A-Za-z0-9]{36}\b|_authToken\s*=\s*[A-Za-z0-9]/, 'a token of an npm registry'],
  [/\bxox[abprs]-[0-9A-Za-z-]{20}/, 'a token of Slack'],
  [/\bAIza[0-9A-Za-z_-]{35}\b/, 'a key of Google'],
  [/\bsk_live_[0-9A-Za-z]{20}/, 'a key of Stripe'],
  [/\bhyp_[A-Za-z0-9_-]{40}/, 'an API token of Hypernetes'],
]

/** Words that only this machine knows: where the checkout lies, and which mirrors it is set to. */
export type MachineWords = readonly (readonly [word: string, what: string])[]

/**
 * What a text gives away, each with its line.
 * @param file for the message
 */
export function leaksIn(file: string, text: string, machine: MachineWords): string[] {
  const lineOf = (at: number) => text.slice(0, at).split('\n').length
  const found = secrets.flatMap(([pattern, what]) => {
    const at = text.search(pattern)
    return at < 0 ? [] : [`${file}:${lineOf(at)} holds ${what}. Whoever reads the repository has it: revoke it where it was issued, then take it out of the file.`]
  })
  return [...found, ...machine.flatMap(([word, what]) => {
    const at = text.indexOf(word)
    return at < 0 ? [] : [`${file}:${lineOf(at)} names ${what}, which no other machine has. Take a path below the checkout, or a name that holds everywhere.`]
  })]
}

/** Below what a word would be found by chance, as in "/app". */
const SHORTEST_WORD = 8

function machineWords(root: string): MachineWords {
  const registry = hostIn(execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8', cwd: root }))
  const apt = ['/etc/apt/sources.list', '/etc/apt/sources.list.d/debian.sources'].filter(existsSync).map((path) => hostIn(readFileSync(path, 'utf8')))
  const mirrors = [registry, ...apt].filter((host) => host !== '' && !/(^|\.)(npmjs\.org|debian\.org)$|^(localhost|127\.)/.test(host))
  return [[root, 'the folder of this checkout'] as const, ...mirrors.map((host) => [host, 'a mirror of this machine'] as const)].filter(([word]) => word.length >= SHORTEST_WORD)
}

const hostIn = (text: string) => /https?:\/\/(?:[^/\s@]*@)?([^/\s:]+)/.exec(text)?.[1] ?? ''

const LARGEST = 1 << 20

/** Secrets and words of one machine in the files that git keeps; a checkout without git has none to look at. */
export function trackedProblems(root: string): string[] {
  if (!existsSync(join(root, '.git'))) return []
  const machine = machineWords(root)
  // Tests may run as root in a checkout of somebody else's, which git refuses on its own.
  const files = execFileSync('git', ['-c', `safe.directory=${root}`, 'ls-files', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 }).split('\0').filter(Boolean)
  return files.flatMap((file) => {
    const path = join(root, file)
    const status = lstatSync(path, { throwIfNoEntry: false })
    if (!status?.isFile() || status.size > LARGEST) return []
    const text = readFileSync(path, 'utf8')
    return text.includes('\0') ? [] : leaksIn(file, text, machine)
  })
}
