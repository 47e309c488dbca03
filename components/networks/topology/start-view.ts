import type { TopologyGraph } from './graph'
import type { Positions } from './layout'

const margin = 24
/** A drawing that would be smaller than this to be seen whole begins at its upper left instead. */
const smallest = 0.7

/** Where a drawing begins in a frame of so many pixels: whole and in the middle where it can be read so. */
export function startView({ nodes }: TopologyGraph, positions: Positions, frame: { width: number; height: number }): { x: number; y: number; zoom: number } {
  const corners = nodes.flatMap(({ id, width, height }) => { const at = positions.get(id); return at ? [{ left: at.x, top: at.y, right: at.x + width, bottom: at.y + height }] : [] })
  const left = Math.min(...corners.map((each) => each.left))
  const top = Math.min(...corners.map((each) => each.top))
  const [width, height] = [Math.max(...corners.map((each) => each.right)) - left, Math.max(...corners.map((each) => each.bottom)) - top]
  const fits = Math.min((frame.width - 2 * margin) / width, (frame.height - 2 * margin) / height)
  const zoom = Math.min(1, Math.max(smallest, fits))
  const place = (room: number, length: number, from: number) => (length * zoom <= room - 2 * margin ? (room - length * zoom) / 2 : margin) - from * zoom
  return { x: place(frame.width, width, left), y: place(frame.height, height, top), zoom }
}
