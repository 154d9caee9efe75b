/*
 * html-page - the one style and the one script of the HTML reports, from html-page.css and html-page.js
 */
#ifndef TS_REPORT_HTML_PAGE_H
#define TS_REPORT_HTML_PAGE_H

extern const char ts_html_page_style[];
extern const char ts_html_page_script[];

#endif
