/** How far an image is. Bytes are of what the phase moves: compressed layers. `damaged`: the one that was here is removed, and made anew where that may be. */
export type ImageProgress = { phase: 'damaged' | 'resolving' | 'pulling' | 'merging' | 'ready'; bytesDone?: number; bytesTotal?: number }

export type Listener = (progress: ImageProgress) => void
