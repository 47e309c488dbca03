export type Side = 'top' | 'bottom'
export type Align = 'start' | 'center' | 'end'

/**
 * Puts a fixed overlay beside its anchor and keeps it inside the window with 8 px to spare; flips when there is no room.
 * Both are measured, so the overlay must be in the document.
 */
export function place(overlay: HTMLElement, anchor: HTMLElement, { side = 'bottom', align = 'start', gap = 4 }: { side?: Side; align?: Align; gap?: number } = {}) {
  const a = anchor.getBoundingClientRect()
  const o = overlay.getBoundingClientRect()
  const below = a.bottom + gap
  const above = a.top - gap - o.height
  const top = side === 'bottom' ? (below + o.height > innerHeight - 8 && above > 8 ? above : below) : (above < 8 ? below : above)
  const left = align === 'start' ? a.left : align === 'end' ? a.right - o.width : a.left + a.width / 2 - o.width / 2
  overlay.style.position = 'fixed'
  overlay.style.top = `${Math.round(top)}px`
  overlay.style.left = `${Math.round(Math.max(8, Math.min(left, innerWidth - o.width - 8)))}px`
}
