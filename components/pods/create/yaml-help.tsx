/** What the editor takes. */
export function YamlHelp() {
  return (
    <p className="text-xs text-faint">
      Several documents, of pods and of what they need such as namespaces, networks, services and configuration, parted by <code className="font-mono">---</code>, are applied all or none. A field that Kubernetes has and Hypernetes does not carry out is refused by name. Press Escape, then Tab, to leave the editor.
    </p>
  )
}
