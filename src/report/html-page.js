(function () {
  "use strict";
  var table = document.getElementById("rows"), controls = document.getElementById("controls");
  if (!table || !controls) return;
  var body = table.tBodies[0], rows = Array.prototype.slice.call(body.rows);
  var texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
  var search = document.getElementById("search"), count = document.getElementById("count");
  var boxes = Array.prototype.slice.call(controls.querySelectorAll("input[type=checkbox]"));
  var collator = new Intl.Collator(undefined, { numeric: true });

  function filter() {
    var words = search.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0;
    var classes = boxes.filter(function (box) { return box.checked; }).map(function (box) { return box.value; });
    for (var i = 0; i < rows.length; i++) {
      var show = words.every(function (word) { return texts[i].indexOf(word) >= 0; }) &&
        classes.every(function (name) { return rows[i].classList.contains(name); });
      if (rows[i].hidden === show) rows[i].hidden = !show;
      if (show) shown++;
    }
    count.textContent = shown + " of " + rows.length + " rows";
  }

  function sort(header, index) {
    var down = header.getAttribute("aria-sort") === "ascending", i, order;
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (cell) { cell.removeAttribute("aria-sort"); });
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    order = rows.map(function (row, k) { return { row: row, text: texts[k], key: row.cells[index].textContent, k: k }; });
    order.sort(function (a, b) { return (down ? -1 : 1) * collator.compare(a.key, b.key) || a.k - b.k; });
    var fragment = document.createDocumentFragment();
    for (i = 0; i < order.length; i++) {
      rows[i] = order[i].row;
      texts[i] = order[i].text;
      fragment.appendChild(order[i].row);
    }
    body.appendChild(fragment);
  }

  Array.prototype.forEach.call(table.tHead.rows[0].cells, function (header, index) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    header.textContent = "";
    header.appendChild(button);
    button.addEventListener("click", function () { sort(header, index); });
  });
  search.addEventListener("input", filter);
  boxes.forEach(function (box) { box.addEventListener("change", filter); });
  controls.hidden = false;
  filter();
})();
