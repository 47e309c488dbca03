import { existsSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '@/platform/config'
import { ok, problem, warning, type Finding } from '@/tools/doctor/finding'

const octal = (mode: number) => (mode & 0o777).toString(8).padStart(4, '0')

/** A file or folder that only its owner may open; what is not there yet is made at the first start. */
function closed(subject: string, path: string, wanted: number): Finding {
  const entry = lstatSync(path)
  if (entry.isSymbolicLink()) return problem(subject, `${path} is a link`, 'Put the file itself there: a link can be turned elsewhere.')
  if ((entry.mode & 0o777 & ~wanted) !== 0) return problem(subject, `${path} has mode ${octal(entry.mode)}`, `Others may open it: chmod ${octal(wanted)} ${path}`)
  return ok(subject, `${path} has mode ${octal(entry.mode)}`)
}

/** Who may open the keys and the folders below the data folder. */
export function secretFindings(config: Config): Finding[] {
  if (!existsSync(config.data)) return [ok('data folder', `${config.data} is made at the first start`)]
  const folders = ['supervisor', 'postgres', 'keys', 'web', 'uploads', 'control', 'host'].map((name) => join(config.data, name))
  const folderFindings = [closed('data folder', config.data, 0o711), ...folders.filter((path) => existsSync(path)).map((path) => closed('data folder', path, 0o711))]
  const open = folderFindings.filter((finding) => finding.state !== 'ok')
  return [
    ...(open.length > 0 ? open : [ok('data folder', `${config.data} and what is in it are closed to others`)]),
    keyFinding(config.keyFile),
    ...(existsSync(config.hostKeyFile) ? [closed("the host's key", config.hostKeyFile, 0o600)] : []),
  ]
}

function keyFinding(file: string): Finding {
  if (existsSync(file)) return closed('key ring', file, 0o600)
  if (process.env.HYPERNETES_KEY_FILE) return problem('key ring', `${file} does not exist`, 'Put the key ring there: without it, secrets cannot be opened.')
  return process.getuid?.() === 0 ? ok('key ring', `${file} is made at the first start`) : warning('key ring', `${file} cannot be seen`, 'Run npm run doctor as the user who runs npm start.')
}
