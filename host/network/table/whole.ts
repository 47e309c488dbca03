import { merged, type NftTables } from './model'

/** Tables as input for `nft -f`, from nothing, in the form in which nft prints them. */
export function wholeTables(tables: NftTables): string {
  return [...tables].map(([name, sections]) => {
    const { sets, maps, counters, timeouts, chains } = merged(name, sections)
    const parts = [
      ...[...counters].map((one) => block(`counter ${one}`, [])),
      ...[...timeouts].map(([one, declaration]) => block(`ct timeout ${one}`, statements(declaration))),
      ...[...sets].map(([one, { declaration, elements }]) => block(`set ${one}`, [...statements(declaration), ...listed([...elements])])),
      ...[...maps].map(([one, { declaration, elements }]) => block(`map ${one}`, [...statements(declaration), ...listed([...elements].map(([key, value]) => `${key} : ${value}`))])),
      ...[...chains].map(([one, { hook, rules }]) => block(`chain ${one}`, [...(hook === undefined ? [] : [hook]), ...rules])),
    ]
    return `table ${name} {\n${parts.join('')}}\n`
  }).join('')
}

const block = (head: string, lines: readonly string[]): string => `  ${head} {\n${lines.map((line) => `    ${line}\n`).join('')}  }\n`
const statements = (declaration: string): string[] => declaration.split(';').map((part) => part.trim()).filter((part) => part !== '')
const listed = (elements: readonly string[]): string[] => (elements.length === 0 ? [] : [`elements = { ${elements.join(', ')} }`])
