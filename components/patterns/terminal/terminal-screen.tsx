'use client'
import '@xterm/xterm/css/xterm.css'
import { FitAddon } from '@xterm/addon-fit'
import { Terminal } from '@xterm/xterm'
import { useEffect, useEffectEvent, useRef } from 'react'
import { giveStylesTheNonce } from '@/components/ui/style-nonce'
import { openStream, type StreamEnd } from './stream'
import { onThemeChange, terminalTheme } from './terminal-theme'

export type TerminalScreenProps = {
  label: string
  /** Asks for a one-time ticket for a terminal of this size in characters. */
  openTicket: (size: { columns: number; rows: number }) => Promise<string>
  onOpen: () => void
  onEnd: (end: StreamEnd) => void
  onRefused: (error: unknown) => void
  /** What is typed goes nowhere. */
  readOnly?: boolean
  /** The process writes to pipes, so that its lines end without a carriage return. */
  barePipes?: boolean
}

/** One terminal, one connection; mount it anew to connect anew. */
export function TerminalScreen({ label, openTicket, onOpen, onEnd, onRefused, readOnly = false, barePipes = false }: TerminalScreenProps) {
  const host = useRef<HTMLDivElement>(null)
  const opened = useEffectEvent(onOpen)
  const ended = useEffectEvent(onEnd)
  const refused = useEffectEvent(onRefused)
  const ticketFor = useEffectEvent(openTicket)

  useEffect(() => {
    const element = host.current
    if (!element) return
    giveStylesTheNonce()
    const fonts = getComputedStyle(document.documentElement).getPropertyValue('--font-jetbrains')
    const terminal = new Terminal({ fontFamily: `${fonts}, ui-monospace, monospace`, fontSize: 13, lineHeight: 1.25, cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches, scrollback: 10_000, theme: terminalTheme(element), screenReaderMode: false, disableStdin: readOnly, convertEol: barePipes })
    const fit = new FitAddon()
    terminal.loadAddon(fit)
    terminal.open(element)
    terminal.textarea?.setAttribute('aria-label', label)
    fit.fit()
    let stream: ReturnType<typeof openStream> | undefined
    let gone = false
    const watch = new ResizeObserver(() => fit.fit())
    watch.observe(element)
    const unTheme = onThemeChange(() => { terminal.options.theme = terminalTheme(element) })
    ticketFor({ columns: terminal.cols, rows: terminal.rows }).then((ticket) => {
      if (gone) return
      stream = openStream(ticket, {
        onOpen: () => { stream?.resize(terminal.cols, terminal.rows); opened(); terminal.focus() },
        onOutput: (bytes) => terminal.write(bytes),
        onEnd: (end) => { terminal.options.cursorBlink = false; terminal.options.disableStdin = true; ended(end) },
      })
      terminal.onData(stream.input)
      terminal.onBinary(stream.inputBytes)
      terminal.onResize(({ cols, rows }) => stream?.resize(cols, rows))
    }, (error: unknown) => { if (!gone) refused(error) })
    return () => {
      gone = true
      stream?.close()
      watch.disconnect()
      unTheme()
      terminal.dispose()
    }
  }, [label, readOnly, barePipes])

  return <div ref={host} className="h-full w-full overflow-hidden bg-sunken p-3" />
}
