'use client'
import { Position, ReactFlow, ReactFlowProvider, Handle, useReactFlow, type Edge, type Node, type NodeProps } from '@xyflow/react'
import '@xyflow/react/dist/base.css'
import { Maximize, Minus, Plus } from 'lucide-react'
import { createContext, use, useEffect, useEffectEvent, useMemo, useRef, useState } from 'react'
import type { NetworkTopology } from '@/domain/network/topology'
import { Button, IconButton } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { cn } from '@/components/ui/cn'
import { Skeleton } from '@/components/ui/skeleton'
import { graphOf, type TopologyGraph, type TopologyNode } from './graph'
import { layOut, type Positions } from './layout'
import { NodeView, type Canvas } from './node-views'
import { startView } from './start-view'
import { useRefit } from './use-refit'
import type { WaysIn } from './ways-in'
import { edgeName, nodeName } from './words'

const CanvasContext = createContext<Canvas | null>(null)
type FlowNode = Node<{ node: TopologyNode }, 'any'>

/** What changes a place: a change of a pod's state alone lays nothing out anew. */
const shapeOf = ({ nodes, edges }: TopologyGraph): string => JSON.stringify([nodes.map(({ id, width, height }) => [id, width, height]), edges.map(({ id }) => id)])

const still = () => matchMedia('(prefers-reduced-motion: reduce)').matches
const moveMs = () => (still() ? 0 : 150)

type DrawingProps = { tenant: string; topology: NetworkTopology; ways: WaysIn; onTable: () => void }

/** The network drawn: from left to right the outside and peers, floating addresses, the network beside its balancers, its subnets with their pods, services and routes. */
export function Drawing({ tenant, topology, ways, onTable }: DrawingProps) {
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set())
  const [placed, setPlaced] = useState<{ graph: TopologyGraph; positions: Positions } | null>(null)
  const [failed, setFailed] = useState<string | null>(null)
  const graph = useMemo(() => graphOf(topology, open, ways), [topology, open, ways])
  const shape = useMemo(() => shapeOf(graph), [graph])
  // The graph of one shape is laid out once, whatever its pods' states.
  const begin = useEffectEvent(() => ({ graph, places: layOut(graph) }))
  useEffect(() => {
    let left = false
    const { graph, places } = begin()
    places.then((positions) => { if (!left) setPlaced({ graph, positions }) }, (error: unknown) => { if (!left) setFailed(error instanceof Error ? error.message : String(error)) })
    return () => { left = true }
  }, [shape])
  const canvas = useMemo((): Canvas => ({
    tenant,
    network: topology.network.name,
    onToggle: (group) => setOpen((before) => new Set(before.has(group) ? [...before].filter((each) => each !== group) : [...before, group])),
  }), [tenant, topology.network.name])
  if (failed !== null && !placed) return <Callout tone="error" title="The drawing could not be laid out" actions={<Button size="sm" onClick={onTable}>Show as table</Button>}>{failed}</Callout>
  if (!placed) return <Skeleton className="h-full w-full" />
  // Until a new shape is laid out, the one before it stays.
  const current = shapeOf(placed.graph) === shape ? graph : placed.graph
  return (
    <CanvasContext value={canvas}>
      <ReactFlowProvider><Flow graph={current} positions={placed.positions} name={topology.network.name} /></ReactFlowProvider>
    </CanvasContext>
  )
}

function AnyNode({ data: { node } }: NodeProps<FlowNode>) {
  const canvas = use(CanvasContext)
  if (!canvas) return null
  return (
    <>
      <Handle type="target" position={Position.Left} isConnectable={false} className="invisible" />
      <NodeView node={node} canvas={canvas} />
      <Handle type="source" position={Position.Right} isConnectable={false} className="invisible" />
    </>
  )
}
const nodeTypes = { any: AnyNode }

/** Nodes that a person goes through by Tab have links and buttons; the library's own keys, dragging and choosing are off. */
function Flow({ graph, positions, name }: { graph: TopologyGraph; positions: Positions; name: string }) {
  const [active, setActive] = useState<string | null>(null)
  const flow = useReactFlow()
  const frame = useRef<HTMLDivElement>(null)
  // What is in sight: the part that a drawing begins with, the whole, or what a person moved to, which stays.
  const sight = useRef<'start' | 'whole' | 'moved'>('start')
  const showWhole = (duration: number) => void flow.fitView({ padding: 0.06, maxZoom: 1, duration })
  useRefit(frame, (size) => {
    if (sight.current === 'start') void flow.setViewport(startView(graph, positions, size))
    else if (sight.current === 'whole') showWhole(0)
  })
  const zoom = (by: 'zoomIn' | 'zoomOut') => { sight.current = 'moved'; void flow[by]({ duration: moveMs() }) }
  const names = useMemo(() => new Map(graph.nodes.map((node) => [node.id, nodeName(node)])), [graph])
  const nodes = useMemo(() => graph.nodes.map((node): FlowNode => ({
    id: node.id, type: 'any', data: { node }, position: positions.get(node.id) ?? { x: 0, y: 0 }, width: node.width, height: node.height,
    zIndex: node.kind === 'box' ? 0 : 2, ariaRole: 'group', ariaLabel: names.get(node.id) ?? node.id, domAttributes: { 'aria-roledescription': undefined }, style: { pointerEvents: 'all' },
  })), [graph, positions, names])
  const edges = useMemo(() => graph.edges.map((edge): Edge => ({
    id: edge.id, source: edge.from, target: edge.to, type: 'default', zIndex: 1, ariaLabel: edgeName(edge, names), domAttributes: { 'aria-roledescription': undefined },
    className: cn('[&_path]:fill-none', active === edge.from || active === edge.to ? '[&_.react-flow__edge-path]:stroke-accent [&_.react-flow__edge-path]:stroke-2' : edge.tone === 'closed' ? '[&_.react-flow__edge-path]:stroke-notice' : '[&_.react-flow__edge-path]:stroke-stroke-control'),
    style: edge.tone === 'closed' ? { strokeDasharray: '4 4' } : {},
  })), [graph, names, active])

  const showFocused = (target: EventTarget) => {
    const id = target instanceof Element ? target.closest('.react-flow__node')?.getAttribute('data-id') ?? null : null
    setActive(id)
    const node = id !== null && target instanceof Element && target.matches(':focus-visible') ? flow.getNode(id) : undefined
    if (!node || flow.isNodeIntersecting(node, visible(flow, frame.current), false)) return
    sight.current = 'moved'
    void flow.setCenter(node.position.x + (node.width ?? 0) / 2, node.position.y + (node.height ?? 0) / 2, { zoom: Math.max(flow.getZoom(), 0.75), duration: moveMs() })
  }
  return (
    <div ref={frame} className="relative h-full w-full" onFocus={(event) => showFocused(event.target)} onBlur={() => setActive(null)}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        onInit={(instance) => { if (frame.current) void instance.setViewport(startView(graph, positions, frame.current.getBoundingClientRect())) }}
        // Its event is a person's; a move by the buttons or by a new size has none.
        onMove={(event) => { if (event) sight.current = 'moved' }}
        minZoom={0.15}
        maxZoom={2}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        disableKeyboardA11y
        zoomOnScroll={false}
        zoomOnDoubleClick={false}
        preventScrolling={false}
        zoomActivationKeyCode={['Meta', 'Control']}
        deleteKeyCode={null}
        selectionKeyCode={null}
        multiSelectionKeyCode={null}
        onNodeMouseEnter={(_, node) => setActive(node.id)}
        onNodeMouseLeave={() => setActive(null)}
        proOptions={{ hideAttribution: true }}
        aria-label={`Topology of network ${name}`}
      />
      <div className="absolute bottom-3 right-3 flex gap-px rounded-md border border-stroke-strong bg-overlay">
        <IconButton label="Zoom in" icon={<Plus className="size-4" />} onClick={() => zoom('zoomIn')} />
        <IconButton label="Zoom out" icon={<Minus className="size-4" />} onClick={() => zoom('zoomOut')} />
        <IconButton label="Show everything" icon={<Maximize className="size-4" />} onClick={() => { sight.current = 'whole'; showWhole(moveMs()) }} />
      </div>
    </div>
  )
}

/** The part of the drawing that is in sight, in its own coordinates. */
function visible(flow: ReturnType<typeof useReactFlow>, element: Element | null) {
  const frame = element?.getBoundingClientRect() ?? new DOMRect()
  const from = flow.screenToFlowPosition({ x: frame.left, y: frame.top })
  const to = flow.screenToFlowPosition({ x: frame.right, y: frame.bottom })
  return { x: from.x, y: from.y, width: to.x - from.x, height: to.y - from.y }
}
