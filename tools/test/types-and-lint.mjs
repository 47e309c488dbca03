// Checks types and lints in one process: the linter's rules ask for types, and the compiler has them all by then. Apart, either
// reads and checks the whole program by itself. Ends as failed on any error and any warning.
import { ESLint } from 'eslint'
import ts from 'typescript'
import { root } from '../setup/paths.mjs'

const program = programOf(`${root}/tsconfig.json`)
const types = diagnosticsOf(program)
if (types.length > 0) console.log(ts.formatDiagnostics(types, { getCanonicalFileName: (name) => name, getCurrentDirectory: () => root, getNewLine: () => '\n' }))

const eslint = new ESLint({ cwd: root, overrideConfig: [{ files: ['**/*.{ts,tsx}'], languageOptions: { parserOptions: { projectService: false, programs: [program] } } }] })
const results = await eslint.lintFiles(['.'])
const lint = await (await eslint.loadFormatter('stylish')).format(results)
if (lint !== '') console.log(lint)

process.exitCode = types.length > 0 || results.some(({ errorCount, warningCount }) => errorCount + warningCount > 0) ? 1 : 0

/** The files and options of a tsconfig; what is wrong with the file itself is among the program's diagnostics. */
function programOf(file) {
  const onUnRecoverableConfigFileDiagnostic = ({ messageText }) => {
    throw new Error(`${file}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`)
  }
  const { fileNames, options, errors, projectReferences } = ts.getParsedCommandLineOfConfigFile(file, { noEmit: true, incremental: false }, { ...ts.sys, onUnRecoverableConfigFileDiagnostic })
  return ts.createProgram({ rootNames: fileNames, options, projectReferences, configFileParsingDiagnostics: errors })
}

/** What `tsc --noEmit` would say. */
function diagnosticsOf(program) {
  return ts.sortAndDeduplicateDiagnostics(ts.getPreEmitDiagnostics(program))
}
