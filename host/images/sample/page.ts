/**
 * The sample's first process. It forwards the stop signal, which the kernel drops for a first process without a
 * handler of its own, so that a graceful stop takes no grace period.
 */
export const sampleServer = `#!/bin/sh
port="\${PORT:-8080}"
echo "sample: serving http://$(hostname):$port/ on Linux $(uname -r) as uid $(id -u)"
httpd -f -vv -p "$port" -h /var/www &
server=$!
trap 'echo "sample: stopping"; kill "$server" 2>/dev/null; exit 0' TERM INT
wait "$server"
`

/** The page, made for each request: what it shows is the virtual machine's, not the host's. */
export const samplePage = `#!/bin/sh
escape() { sed 's/&/\\&amp;/g; s/</\\&lt;/g; s/>/\\&gt;/g'; }
memory=$(awk '/^MemTotal/ { printf "%d MiB", $2 / 1024 }' /proc/meminfo)
uptime=$(awk '{ printf "%d s", $1 }' /proc/uptime)
cpus=$(grep -c ^processor /proc/cpuinfo)
row() { printf '<dt>%s</dt><dd>%s</dd>' "$1" "$(printf %s "$2" | escape)"; }
printf 'Content-Type: text/html; charset=utf-8\\r\\nCache-Control: no-store\\r\\n\\r\\n'
cat <<'HEAD'
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>It runs</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: Canvas; color: CanvasText; }
  main { max-width: 32rem; padding: 2rem; }
  h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.02em; }
  p { margin: 0 0 1.5rem; opacity: .75; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .5rem 1.5rem; margin: 0; padding: 1.25rem; border: 1px solid color-mix(in srgb, CanvasText 15%, transparent); border-radius: .75rem; }
  dt { opacity: .65; }
  dd { margin: 0; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
</style>
<main>
<h1>Your pod is running.</h1>
<p>It has a virtual machine and a Linux kernel of its own.</p>
<dl>
HEAD
row Pod "$(hostname)"
row Kernel "$(uname -sr)"
row Memory "$memory"
row Processors "$cpus"
row 'Up for' "$uptime"
row 'Your address' "$REMOTE_ADDR"
echo '</dl></main></html>'
`
