'use strict';
// Draws the charts of the page with uPlot, and keeps them in the colours of the theme.
(() => {
  const root = document.documentElement;
  root.classList.add('scripted');
  const charts = JSON.parse(document.getElementById('charts').textContent);
  const drawn = [];

  const color = (element) => getComputedStyle(element).color;

  const compact = (value) => {
    if (Math.abs(value) >= 1e6) return +(value / 1e6).toPrecision(3) + 'M';
    if (Math.abs(value) >= 1e4) return +(value / 1e3).toPrecision(3) + 'k';
    if (value !== 0 && Math.abs(value) < 1e-3) return (+value.toPrecision(3)).toExponential();
    return String(+value.toPrecision(6));
  };

  function draw(chart) {
    const figure = document.getElementById(chart.id);
    const place = figure.querySelector('.plot');
    const buttons = [...figure.querySelectorAll('.legend button')];
    const slider = figure.querySelector('.reader input');
    const output = figure.querySelector('.reader output');
    const bars = chart.kind === 'BARS';
    const points = chart.kind === 'POINTS';
    const names = chart.xNames;
    let plot = null;

    const format = (series, value) => series.digits
      ? value.toFixed(series.digits) : value.toLocaleString('en-US', { maximumFractionDigits: 0 });

    function read(index) {
      const parts = chart.series
        .filter((series, i) => buttons[i].getAttribute('aria-pressed') === 'true' && series.values[index] !== null)
        .map((series) => series.name + ' ' + format(series, series.values[index]));
      output.textContent = chart.xTexts[index] + ': ' + (parts.join(', ') || 'nothing');
      slider.setAttribute('aria-valuetext', output.textContent);
    }

    // A mark on the plot's edge is to be seen whole.
    const widened = chart.xLog
      ? (u, min, max) => { const f = Math.pow(max / min, 0.04) * 1.02; return [min / f, max * f]; }
      : (u, min, max) => { const d = (max - min || Math.abs(max) || 1) * 0.04; return [min - d, max + d]; };
    const xRange = bars ? [-0.6, chart.x.length - 0.4] : names.length ? [-0.6, names.length - 0.4] : points ? widened : undefined;

    function logPlaces(min, max) {
      const places = [];
      const steps = max / min > 300 ? [1] : [1, 2, 5];
      for (let e = Math.floor(Math.log10(min)); e <= Math.log10(max); e++) {
        for (const step of steps) {
          const place = Number(step + 'e' + e);
          if (place >= min && place <= max) places.push(place);
        }
      }
      return places;
    }
    const xPlaces = chart.xLog ? (u, axis, min, max) => logPlaces(min, max) : names.length ? () => names.map((name, i) => i) : undefined;

    function xLabel(value) {
      if (bars) return Number.isInteger(value) && chart.xTexts[value] ? chart.xTexts[value].split(' to ')[0] + ' ms' : '';
      return names.length ? names[value] || '' : compact(value);
    }

    function options() {
      const faint = color(document.querySelector('footer'));
      const grid = getComputedStyle(document.querySelector('section')).borderTopColor;
      const card = getComputedStyle(document.querySelector('section')).backgroundColor;
      const axis = { stroke: faint, font: '12px system-ui, sans-serif', grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
      return {
        width: Math.max(200, place.clientWidth),
        height: 250,
        legend: { show: false },
        padding: [10, 24, 0, 0], // the last step's label is centred below the plot's edge
        scales: { x: { time: false, distr: chart.xLog ? 3 : 1, range: xRange } },
        cursor: { drag: { x: false, y: false }, y: false, points: { size: 7 } },
        axes: [
          { ...axis, size: 34, space: bars ? 90 : 60, splits: xPlaces, filter: xPlaces ? (u, places) => places : undefined,
            values: (u, values) => values.map(xLabel) },
          { ...axis, size: 52, values: (u, values) => values.map(compact) },
        ],
        series: [{}, ...chart.series.map((series, i) => {
          const stroke = color(buttons[i].querySelector('.swatch'));
          if (points) {
            const isLast = i === chart.series.length - 1;
            return { stroke, show: shown(i), paths: () => null,
              points: { show: true, size: isLast ? 11 : 8, width: 2, stroke, fill: isLast ? stroke : card } };
          }
          const isFew = series.values.filter((v) => v !== null).length <= 40;
          return bars
            ? { stroke, fill: stroke, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.86, 60] }), show: shown(i) }
            : { stroke, width: i === 0 && chart.series.length > 2 && series.name === 'mini-batch' ? 1 : 2, spanGaps: true, show: shown(i),
                dash: series.dash ? [series.dash, Math.min(5, series.dash)] : undefined,
                points: { show: isFew, size: 5, stroke, fill: stroke } };
        })],
        hooks: {
          setCursor: [(u) => {
            if (u.cursor.idx !== null && u.cursor.idx !== undefined) {
              slider.value = u.cursor.idx;
              read(u.cursor.idx);
            }
          }],
        },
      };
    }

    const shown = (i) => buttons[i].getAttribute('aria-pressed') === 'true';

    function redraw() {
      if (plot) plot.destroy();
      plot = new uPlot(options(), [chart.x, ...chart.series.map((series) => series.values)], place);
      figure.dataset.drawn = 'true';
    }

    buttons.forEach((button, i) => button.addEventListener('click', () => {
      button.setAttribute('aria-pressed', String(!shown(i)));
      plot.setSeries(i + 1, { show: shown(i) });
      read(+slider.value);
    }));
    slider.addEventListener('input', () => {
      const index = +slider.value;
      plot.setCursor({ left: plot.valToPos(chart.x[index], 'x'), top: 10 }, false);
      read(index);
    });
    new ResizeObserver(() => {
      if (plot && place.clientWidth > 0 && place.clientWidth !== plot.width) {
        plot.setSize({ width: Math.max(200, place.clientWidth), height: 250 });
      }
    }).observe(place);
    redraw();
    read(+slider.value);
    drawn.push(redraw);
  }

  charts.forEach(draw);

  // --- The theme: the system's, until the button says otherwise; the choice is kept where the browser allows it. ---
  const button = document.getElementById('theme');
  const system = matchMedia('(prefers-color-scheme: dark)');
  const KEY = 'lockstep-theme';
  try {
    const kept = localStorage.getItem(KEY);
    if (kept === 'dark' || kept === 'light') root.dataset.theme = kept;
  } catch (e) { /* pages from files may have no storage */ }
  const isDark = () => root.dataset.theme ? root.dataset.theme === 'dark' : system.matches;
  function show() {
    button.setAttribute('aria-pressed', String(isDark()));
    drawn.forEach((redraw) => redraw());
  }
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    try { localStorage.setItem(KEY, root.dataset.theme); } catch (e) { /* as above */ }
    show();
  });
  system.addEventListener('change', show);
  show();
})();
