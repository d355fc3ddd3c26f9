/* global Chart, document, EventSource, fetch, FormData, getComputedStyle, matchMedia */
// The page: sends the form, listens to the server's events, draws what has reached the table.

const SHOWN_MS = 120_000
const MINUTE_MS = 60_000
const THRESHOLD = 60
const REDRAW_MS = 200
const LEGEND_UP_TO = 10

const byId = (id) => document.getElementById(id)
const form = byId('settings')
/** Of each turbine, its points: { x: epoch milliseconds, y: miles an hour }. */
const turbines = new Map()
let changed = false

let chart = openChart()

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  if (!form.reportValidity()) return
  const settings = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, Number(value)]))
  if (settings.minSpeed > settings.maxSpeed) {
    say('The least speed is above the greatest.', true)
    return
  }
  const response = await fetch('/api/simulation', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(settings),
  })
  if (!response.ok) say((await response.json()).message, true)
})
byId('stop').addEventListener('click', () => fetch('/api/simulation', { method: 'DELETE' }))

const events = new EventSource('/api/events')
events.addEventListener('message', ({ data }) => {
  const event = JSON.parse(data)
  if (event.type === 'simulation') showSimulation(event)
  else if (event.type === 'readings') event.readings.forEach(add)
  else showProgress(event.progress)
})
events.addEventListener('error', () => say('The simulator does not answer. Trying again…', true))
events.addEventListener('open', () => {
  if (byId('message').classList.contains('bad')) say('')
})

fetch('/api/table')
  .then((response) => response.json())
  .then(({ table }) => {
    byId('table').textContent = table
  })

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  chart.destroy()
  chart = openChart()
  changed = true
})
setInterval(draw, REDRAW_MS)

/** That has begun, or goes on: the page was loaded again, or is another one. */
function showSimulation({ settings, readings }) {
  for (const [name, value] of Object.entries(settings)) form.elements.namedItem(name).value = value
  clear()
  readings.forEach(add)
}

function showProgress({ state, written, values, problem }) {
  const running = state === 'running'
  byId('start').disabled = running
  byId('stop').disabled = !running
  byId('written').textContent = written.toLocaleString('en')
  byId('progress').value = written / values
  const of = `${written.toLocaleString('en')} of ${values.toLocaleString('en')} values`
  if (running) say(`Writing: ${of}`)
  else if (state === 'finished') say(`Done: ${of} are in the table.`)
  else if (state === 'stopped') say(`Stopped after ${of}.`)
  else say(problem, true)
}

function add({ deviceID, value, time }) {
  let points = turbines.get(deviceID)
  if (points === undefined) {
    points = []
    turbines.set(deviceID, points)
  }
  points.push({ x: time, y: value })
  changed = true
}

function clear() {
  turbines.clear()
  changed = true
  draw()
}

function draw() {
  if (!changed) return
  changed = false
  let newest = -Infinity
  for (const points of turbines.values()) newest = Math.max(newest, points.at(-1).x)
  for (const points of turbines.values()) {
    const old = points.findIndex(({ x }) => x >= newest - SHOWN_MS)
    points.splice(0, old < 0 ? points.length - 1 : old)
  }
  const names = [...turbines.keys()].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  const lines = names.map((name, i) => {
    const colour = `hsl(${Math.round((i * 360) / names.length + 190) % 360} 65% 50%)`
    return { label: name, data: turbines.get(name), borderColor: colour, backgroundColor: colour }
  })
  const all = [...turbines.values()].flat()
  if (all.length > 0) {
    const from = all.reduce((least, { x }) => Math.min(least, x), Infinity)
    lines.push({
      label: `${THRESHOLD} mph: an alert if above on average`,
      data: [
        { x: from, y: THRESHOLD },
        { x: newest, y: THRESHOLD },
      ],
      borderColor: getComputedStyle(document.body).getPropertyValue('--bad').trim(),
      borderDash: [6, 6],
      borderWidth: 1.5,
    })
  }
  chart.data.datasets = lines
  chart.options.plugins.legend.display = names.length <= LEGEND_UP_TO
  chart.update()
  byId('empty').hidden = all.length > 0
  figures(names, all, newest)
}

function figures(names, all, newest) {
  const recent = all.filter(({ x }) => x > newest - MINUTE_MS)
  const mean = recent.reduce((sum, { y }) => sum + y, 0) / recent.length
  byId('mean').textContent = recent.length === 0 ? '–' : mean.toFixed(1)
  const last = names.map((name) => ({ name, speed: turbines.get(name).at(-1).y }))
  const fastest = last.reduce((best, one) => (best === undefined || one.speed > best.speed ? one : best), undefined)
  byId('fastest').textContent = fastest === undefined ? '–' : `${fastest.speed} mph`
  byId('fastest').title = fastest === undefined ? '' : fastest.name
  byId('above').textContent =
    last.length === 0 ? '–' : `${last.filter(({ speed }) => speed > THRESHOLD).length} of ${last.length}`
}

function say(text, bad = false) {
  byId('message').textContent = text
  byId('message').classList.toggle('bad', bad)
}

function clock(time) {
  return new Date(time).toLocaleTimeString('en-GB')
}

/** Each second is named once, however close the ticks are. */
function secondLabel(time, i, ticks) {
  return i > 0 && clock(ticks[i - 1].value) === clock(time) ? undefined : clock(time)
}

/** In the colours of the page: they are read when the chart is made. */
function openChart() {
  const style = getComputedStyle(document.body)
  Chart.defaults.color = style.getPropertyValue('--muted').trim()
  Chart.defaults.borderColor = style.getPropertyValue('--line').trim()
  return new Chart(byId('chart'), {
    type: 'line',
    data: { datasets: [] },
    options: {
      animation: false,
      parsing: false,
      normalized: true,
      maintainAspectRatio: false,
      interaction: { mode: 'nearest', intersect: false },
      elements: { point: { radius: 0, hoverRadius: 4 }, line: { borderWidth: 2, tension: 0.25 } },
      scales: {
        x: {
          type: 'linear',
          bounds: 'data',
          ticks: { maxTicksLimit: 8, maxRotation: 0, callback: secondLabel },
        },
        y: { title: { display: true, text: 'Wind speed, mph' }, suggestedMin: 0, suggestedMax: 100 },
      },
      plugins: {
        legend: { position: 'bottom', labels: { usePointStyle: true, pointStyle: 'line' } },
        tooltip: { callbacks: { title: ([item]) => clock(item.parsed.x) } },
      },
    },
  })
}
