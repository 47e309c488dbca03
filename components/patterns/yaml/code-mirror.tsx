'use client'
import { yaml } from '@codemirror/lang-yaml'
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { linter, lintGutter, type Diagnostic } from '@codemirror/lint'
import { tags } from '@lezer/highlight'
import CodeMirror, { EditorView, type Extension } from '@uiw/react-codemirror'
import { useMemo } from 'react'
import { styleNonce } from '@/components/ui/style-nonce'
import type { LineProblem, YamlEditorProps } from './yaml-editor'

const look = EditorView.theme({
  '&': { height: '100%', fontSize: '12px', backgroundColor: 'transparent', color: 'var(--color-content)' },
  '.cm-scroller': { fontFamily: 'var(--font-mono)', lineHeight: '20px', overflow: 'auto' },
  '.cm-content': { padding: '12px 0', caretColor: 'var(--color-accent)' },
  '.cm-gutters': { backgroundColor: 'var(--color-surface)', color: 'var(--color-faint)', border: 'none', borderRight: '1px solid var(--color-stroke)' },
  '.cm-lineNumbers .cm-gutterElement': { padding: '0 8px 0 12px' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in oklab, var(--color-hover) 55%, transparent)' },
  '.cm-activeLineGutter': { backgroundColor: 'transparent', color: 'var(--color-content)' },
  '&.cm-focused': { outline: 'none' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'color-mix(in oklab, var(--color-accent) 28%, transparent) !important' },
  '.cm-cursor': { borderLeftColor: 'var(--color-accent)', borderLeftWidth: '2px' },
  '.cm-tooltip': { backgroundColor: 'var(--color-overlay)', border: '1px solid var(--color-stroke-strong)', borderRadius: '6px', color: 'var(--color-content)', fontFamily: 'var(--font-sans)' },
  '.cm-diagnostic': { padding: '4px 8px', fontSize: '12px' },
  '.cm-diagnostic-error': { borderLeft: '3px solid var(--color-error)' },
  '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--color-error)', textUnderlineOffset: '3px' },
  '.cm-panels': { backgroundColor: 'var(--color-surface)', color: 'var(--color-content)' },
})

const colours = syntaxHighlighting(HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--color-accent-content)' },
  { tag: [tags.string, tags.special(tags.string), tags.content], color: 'var(--color-content)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--color-info-content)' },
  { tag: tags.comment, color: 'var(--color-faint)', fontStyle: 'italic' },
  { tag: [tags.meta, tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: 'var(--color-faint)' },
]))

function diagnostics(problems: readonly LineProblem[]): Extension {
  return linter((view) => problems.map((problem): Diagnostic => {
    const line = view.state.doc.line(Math.min(Math.max(problem.line ?? 1, 1), view.state.doc.lines))
    const indent = line.text.length - line.text.trimStart().length
    return { from: line.from + indent, to: line.to, severity: 'error', message: problem.path ? `${problem.path} ${problem.message}` : problem.message }
  }), { delay: 0 })
}

const none: readonly LineProblem[] = []

/** CodeMirror for YAML in our tokens; it follows the theme by itself. Escape then Tab leaves it. */
export function YamlCodeMirror({ label, value, onChange, problems = none }: YamlEditorProps) {
  const extensions = useMemo(
    () => [EditorView.cspNonce.of(styleNonce()), yaml(), look, colours, lintGutter(), diagnostics(problems), EditorView.lineWrapping, EditorView.contentAttributes.of({ 'aria-label': label })],
    [problems, label],
  )
  return (
    <CodeMirror
      value={value}
      height="100%"
      className="h-full"
      theme="none"
      editable={onChange !== undefined}
      readOnly={onChange === undefined}
      extensions={extensions}
      basicSetup={{ foldGutter: false, highlightActiveLine: onChange !== undefined, highlightActiveLineGutter: onChange !== undefined, autocompletion: false, syntaxHighlighting: false, lintKeymap: true }}
      {...(onChange && { onChange })}
    />
  )
}
