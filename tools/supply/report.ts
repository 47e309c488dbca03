import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { licenceOf } from './licences'
import type { LockedPackage } from './lockfile'

/** Package, version and licence, one a line, by name; each version once. */
export function licenceTable(packages: readonly LockedPackage[]): string {
  const rows = [...new Set(packages.map((each) => `${each.name}\t${each.version}\t${licenceOf(each)}${each.development ? '\tdevelopment' : ''}`))].sort()
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row.split('\t')[column]?.length ?? 0)))
  return rows.map((row) => row.split('\t').map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()).join('\n')
}

/** How many packages are under each licence, the most first: those of the product and those of development apart. */
export function licenceCounts(packages: readonly LockedPackage[]): string {
  return [false, true].map((development) => {
    const counts = new Map<string, number>()
    for (const each of packages.filter((one) => one.development === development)) counts.set(licenceOf(each), (counts.get(licenceOf(each)) ?? 0) + 1)
    const told = [...counts].sort(([a, n], [b, m]) => m - n || a.localeCompare(b)).map(([licence, count]) => `${licence} ${count}`)
    return `${development ? 'development' : 'product    '}  ${told.join(', ')}`
  }).join('\n')
}

const isNotice = (name: string) => /^(licen[cs]e|copying|notice|authors)([.-].*)?$/i.test(name)

/** The notices of the product's packages as they lie in node_modules; packages of other platforms are not there. */
export function notices(root: string, packages: readonly LockedPackage[]): string {
  const texts = packages.filter(({ development, path }) => !development && existsSync(join(root, path))).map(({ name, version, path, entry }) => {
    const files = readdirSync(join(root, path), { withFileTypes: true }).filter((file) => file.isFile() && isNotice(file.name)).map(({ name: file }) => file).sort()
    const body = files.map((file) => readFileSync(join(root, path, file), 'utf8').trim()).join('\n\n')
    return `${'='.repeat(80)}\n${name} ${version} (${entry.license ?? 'see below'})\n${'='.repeat(80)}\n${body || 'The package holds no notice of its own; its licence is the one named above.'}\n`
  })
  return texts.sort().join('\n')
}
