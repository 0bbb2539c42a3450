// Before anything is painted: the theme that was chosen here, if one was. Not a module, so that it is not put off.
document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "";
