import { isMap, isNode, isScalar, Lexer, LineCounter, parseAllDocuments, Parser, stringify, type Document, type ParsedNode } from 'yaml'
import type { Problem } from '../shared/errors'

/** Larger texts are refused before they are parsed. A ConfigMap or Secret of 1 MiB fits, in base64 too. */
export const maxManifestBytes = 1536 << 10
/** What a text costs is its tokens rather than its bytes: a large value is one of them. */
const maxTokens = 300_000
const maxDocuments = 200
/** Aliases may expand a document by so much in all; a "billion laughs" stops here. */
const maxAliases = 50

/** A pod nests about eight levels deep; a text of brackets alone would exhaust the composer's stack or the process's memory. */
const maxDepth = 100

/** Why the text would cost too much: it nests deeper than {@link maxDepth} or has too many tokens. Read token by token, without building anything. */
function tooComplex(text: string): string | null {
  const parser = new Parser()
  let tokens = 0
  for (const lexeme of new Lexer().lex(text)) {
    // The tokens themselves are of no interest: reading them moves the parser on.
    for (const _ of parser.next(lexeme)) continue
    if (parser.stack.length > maxDepth) return `The manifest nests deeper than ${maxDepth} levels.`
    if (++tokens > maxTokens) return `The manifest has more than ${maxTokens} words and signs: split it.`
  }
  return null
}

/** One document of a manifest with a way back from a path to its line. */
export type SourceDocument = { value: unknown; lineOf(path: readonly (string | number)[]): number | null }

/**
 * Splits YAML or JSON text into documents. Duplicate keys, unknown tags and alias bombs are problems with a line.
 * Empty documents (as between two `---`) are left out.
 */
export function readDocuments(text: string): { documents: SourceDocument[]; problems: Problem[] } {
  if (new TextEncoder().encode(text).length > maxManifestBytes) return { documents: [], problems: [{ path: '', line: null, message: `The manifest is larger than ${maxManifestBytes / 1024} KiB: split it.` }] }
  const complex = tooComplex(text)
  if (complex) return { documents: [], problems: [{ path: '', line: null, message: complex }] }
  const lines = new LineCounter()
  const parsed = parseAllDocuments<ParsedNode>(text, { lineCounter: lines, uniqueKeys: true, schema: 'core', customTags: [], prettyErrors: false })
  const problems: Problem[] = []
  const documents: SourceDocument[] = []
  if (!Array.isArray(parsed)) return { documents, problems }
  if (parsed.length > maxDocuments) return { documents, problems: [{ path: '', line: null, message: `The manifest has more than ${maxDocuments} documents: split it.` }] }
  for (const document of parsed) {
    for (const error of [...document.errors, ...document.warnings]) problems.push({ path: '', line: lines.linePos(error.pos[0]).line, message: withoutSource(error.message) })
    if (document.errors.length > 0 || document.contents === null) continue
    if (isScalar(document.contents) && document.contents.value === null) continue
    try {
      documents.push({ value: document.toJS({ maxAliasCount: maxAliases }), lineOf: (path) => lineOf(document, lines, path) })
    } catch (error) {
      problems.push({ path: '', line: lines.linePos(document.range[0]).line, message: error instanceof Error ? error.message : 'cannot be read' })
    }
  }
  return { documents, problems }
}

/** A parser's sentence without the piece of the text that it quotes, which may be a Secret's value. */
const withoutSource = (message: string): string => message.replace(/: "[^]*"$/, '')

/** The line of the key at `path`, or of the nearest ancestor that the text has. */
function lineOf(document: Document, lines: LineCounter, path: readonly (string | number)[]): number | null {
  for (let length = path.length; length >= 0; length--) {
    const parent = length === 0 ? document.contents : document.getIn(path.slice(0, length - 1), true)
    const last = path[length - 1]
    const key = length > 0 && isMap(parent) ? parent.items.find((item) => isScalar(item.key) && item.key.value === last)?.key : undefined
    const node = key ?? (length === 0 ? document.contents : document.getIn(path.slice(0, length), true))
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
  }
  return null
}

/** `['spec', 'containers', 0, 'image']` as `spec.containers[0].image`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => (typeof part === 'number' ? `${text}[${part}]` : /^[A-Za-z_$][\w$]*$/.test(String(part)) ? `${text}${text ? '.' : ''}${String(part)}` : `${text}["${String(part)}"]`), '')
}

/** What {@link formatPath} wrote, as a path again. */
export const parsePath = (text: string): (string | number)[] =>
  [...text.matchAll(/\[(\d+)\]|\["([^"]*)"\]|([^.[\]]+)/g)].map(([, index, quoted, name]) => (index !== undefined ? Number(index) : (quoted ?? name ?? '')))

/** An object as YAML text, in the order of its keys. */
export const toYaml = (value: unknown): string => stringify(value, { lineWidth: 120, aliasDuplicateObjects: false })
